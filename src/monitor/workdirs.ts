/** The feed of all workdirs below a folder, live or finished; it reads only, and takes no lock. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join, relative, resolve } from "node:path";
import { Subject } from "rxjs";
import type { Entry, StateEntry } from "../metrics/metric.ts";
import { isOver } from "../metrics/run-state.ts";
import type { Feed } from "./feed.ts";
import { MetricLog, type RecordOwner } from "./metric-log.ts";
import { keptIdentity } from "./run-id.ts";
import { RunStates } from "./run-states.ts";

const RECORD = "metrics.jsonl";
/** Folders between the given one and a workdir, at most. */
const DEPTH = 4;
/** ms between looks for what came, and for new workdirs. */
const [LOOK, SEARCH] = [1000, 5000];

interface Followed {
  readonly log: MetricLog;
  /** The identity in the workdir when it was found, as text. */
  readonly kept: string;
  /** The record cannot be read now: somebody else's, or of a disk that is away. */
  unread: boolean;
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

const ownerText = ({ runId, node }: RecordOwner) => JSON.stringify([runId, node]);
/** A text that is another once the run has another name. */
const keptText = (workdir: string) => JSON.stringify(keptIdentity(workdir) ?? null);
const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;

export class Workdirs implements Feed {
  readonly #folder: string;
  /** By workdir; several may be nodes of one run. */
  readonly #runs = new Map<string, Followed>();
  readonly #states = new RunStates();
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #tell: (text: string) => void;
  /** Records of which it was told that they cannot be read. */
  readonly #told = new Set<string>();
  readonly live = new Subject<readonly Entry[]>();

  /**
   * @param folder May not exist yet.
   * @param tell Told once of a record that cannot be read; the others are shown.
   */
  constructor(folder: string, tell: (text: string) => void = () => {}) {
    this.#folder = folder;
    this.#tell = tell;
    for (const followed of this.#search()) {
      this.#try(followed, () => {
        const newest = followed.log.skip();
        if (newest) this.#states.remember([newest]);
      });
    }
    this.#timers = [setInterval(() => this.refresh(), LOOK), setInterval(() => this.search(), SEARCH)];
    for (const timer of this.#timers) timer.unref();
  }

  logs(): readonly MetricLog[] {
    return [...this.#runs.values()].filter(({ unread }) => !unread).map(({ log }) => log);
  }

  states(): readonly StateEntry[] {
    return this.#states.newest();
  }

  /** Runs may go on, and others come. */
  ended(): boolean {
    return false;
  }

  /** Folder of a run's files, of its first node if there are several; undefined for another's run. */
  workdir(runId: string): string | undefined {
    for (const [workdir, { log }] of this.#runs) if (log.owner.runId === runId) return workdir;
    return undefined;
  }

  /** Passes on what the records have grown by; one that was begun anew is taken for a new run. */
  refresh(): void {
    for (const [workdir, followed] of this.#runs) this.#try(followed, () => this.#grow(workdir, followed.log));
    const lost = this.#states.lose();
    if (lost.length > 0) this.live.next(lost);
    this.#forgetGone();
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
    for (const [workdir, { kept }] of this.#runs) if (keptText(workdir) !== kept) this.#drop(workdir);
    const taken = new Set([...this.#runs.values()].map(({ log: { owner } }) => ownerText(owner)));
    return workdirsIn(this.#folder)
      .filter((workdir) => !this.#runs.has(workdir))
      .map((workdir) => {
        const path = relative(resolve(this.#folder), resolve(workdir)) || "run";
        const { runId, node } = keptIdentity(workdir) ?? { runId: path, node: hostname() };
        // The copy of a workdir has the other's name until it goes on.
        const owner = { runId: taken.has(ownerText({ runId, node })) ? path : runId, node };
        taken.add(ownerText(owner));
        const log = new MetricLog(join(workdir, RECORD), owner);
        const followed = { log, kept: keptText(workdir), unread: false };
        this.#runs.set(workdir, followed);
        return followed;
      });
  }

  /** Reads a record, and leaves it out while that fails: one that cannot be read must not end the watching of all. */
  #try(followed: Followed, read: () => void): void {
    try {
      read();
      followed.unread = false;
    } catch (error) {
      followed.unread = true;
      const { path } = followed.log;
      if (!this.#told.has(path)) this.#tell(`warning: ${path} cannot be read: ${(error as Error).message}; its run is not shown`); // prettier-ignore
      this.#told.add(path);
    }
  }

  /** Passes on what came to a record; forgets one that is gone or was begun anew. */
  #grow(workdir: string, log: MetricLog): void {
    const size = sizeOf(log.path);
    if (size === undefined || size < log.end.offset) return void this.#runs.delete(workdir);
    if (size === log.end.offset) return;
    const entries: Entry[] = [];
    try {
      for (const entry of log.advance()) entries.push(entry);
    } finally {
      // What was read before a failure is not read again.
      this.#pass(entries);
    }
  }

  /** Forgets runs whose workdirs were deleted; of one that was at work, it is told first that it is lost. */
  #forgetGone(): void {
    const here = new Set([...this.#runs.values()].map(({ log: { owner } }) => owner.runId));
    for (const { runId, state } of this.#states.newest()) {
      if (!here.has(runId) && (isOver(state) || state.phase === "lost")) this.#states.forget(runId);
    }
  }

  /** Forgets a run that goes on under another name. */
  #drop(workdir: string): void {
    const { runId } = this.#runs.get(workdir)!.log.owner;
    this.#runs.delete(workdir);
    if (this.workdir(runId) === undefined) this.#states.forget(runId);
  }

  #pass(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#states.take(entries);
    this.live.next(entries);
  }
}
