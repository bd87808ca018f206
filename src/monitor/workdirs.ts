/** The feed of all workdirs below a folder, live or finished; it reads only, and takes no lock. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join, relative, resolve } from "node:path";
import { Subject } from "rxjs";
import type { Entry, StateEntry } from "../metrics/metric.ts";
import type { Feed } from "./feed.ts";
import { MetricLog } from "./metric-log.ts";
import { RUN_ID } from "./run-id.ts";
import { RunStates } from "./run-states.ts";

const RECORD = "metrics.jsonl";
/** Folders between the given one and a workdir, at most. */
const DEPTH = 4;
/** ms between looks for what came, and for new workdirs. */
const [LOOK, SEARCH] = [1000, 5000];

interface Followed {
  readonly workdir: string;
  readonly log: MetricLog;
}

/** The workdirs below a folder; what is in one is not looked at. */
function workdirsIn(folder: string, depth = DEPTH): string[] {
  if (existsSync(join(folder, RECORD))) return [folder];
  if (depth === 0) return [];
  try {
    const inner = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory() && !each.name.startsWith(".")); // prettier-ignore
    return inner.flatMap(({ name }) => workdirsIn(join(folder, name), depth - 1));
  } catch {
    return []; // gone meanwhile, or somebody else's
  }
}

/** The name that a run has for monitors; for one that has none, its path. */
function runIdOf(folder: string, workdir: string): string {
  const path = relative(resolve(folder), resolve(workdir)) || "run";
  try {
    const id = readFileSync(join(workdir, "run-id"), "utf8").trim();
    return RUN_ID.test(id) ? id : path;
  } catch {
    return path;
  }
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;

export class Workdirs implements Feed {
  readonly #folder: string;
  readonly #runs = new Map<string, Followed>();
  readonly #states = new RunStates();
  readonly #timers: readonly NodeJS.Timeout[];
  readonly live = new Subject<readonly Entry[]>();

  /** @param folder May not exist yet. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const { log } of this.#search()) {
      const newest = log.skip();
      if (newest) this.#states.remember([newest]);
    }
    this.#timers = [setInterval(() => this.refresh(), LOOK), setInterval(() => this.search(), SEARCH)];
    for (const timer of this.#timers) timer.unref();
  }

  logs(): readonly MetricLog[] {
    return [...this.#runs.values()].map(({ log }) => log);
  }

  states(): readonly StateEntry[] {
    return this.#states.newest();
  }

  /** Runs may go on, and others come. */
  ended(): boolean {
    return false;
  }

  /** Folder of a run's files; undefined for another's run. */
  workdir(runId: string): string | undefined {
    return this.#runs.get(runId)?.workdir;
  }

  /** Passes on what the records have grown by; one that was begun anew is taken for a new run. */
  refresh(): void {
    for (const [runId, { log }] of this.#runs) {
      const size = sizeOf(log.path);
      if (size === undefined || size < log.end.offset) this.#runs.delete(runId);
      else if (size > log.end.offset) this.#pass([...log.advance()]);
    }
    const lost = this.#states.lose();
    if (lost.length > 0) this.live.next(lost);
  }

  /** Looks for workdirs that are new. */
  search(): void {
    this.#search();
    this.refresh();
  }

  /** Ends the watchers. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.live.complete();
  }

  #search(): Followed[] {
    const known = new Set([...this.#runs.values()].map(({ workdir }) => workdir));
    return workdirsIn(this.#folder)
      .filter((workdir) => !known.has(workdir))
      .map((workdir) => {
        const id = runIdOf(this.#folder, workdir);
        // The copy of a workdir has the other's name until it goes on.
        const runId = this.#runs.has(id) ? relative(resolve(this.#folder), resolve(workdir)) : id;
        const followed = { workdir, log: new MetricLog(join(workdir, RECORD), { runId, node: hostname() }) };
        this.#runs.set(runId, followed);
        return followed;
      });
  }

  #pass(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#states.take(entries);
    this.live.next(entries);
  }
}
