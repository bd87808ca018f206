/** The records of many runs in one folder, each in the file of its name. */
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Subject } from "rxjs";
import type { Feed } from "./feed.ts";
import { entriesOf, isState, type Entry, type MetricBatch, type StateEntry } from "../metrics/metric.ts";
import { isOver, LOST_AFTER } from "../metrics/run-state.ts";
import { sanitizeText } from "../base/sanitize-text.ts";
import { dropTornLine } from "./lines.ts";
import { MetricLog } from "./metric-log.ts";
import { RunStates } from "./run-states.ts";
import { StoredPlaces } from "./stored-places.ts";

const ENDING = ".jsonl";
/** ms between looks for runs that are lost. */
const LOOK = 2000;
/** Runs of an archive, and nodes of a run: their names come from others, and each takes memory, a run also a file. */
const LIMIT = 10_000;

interface Run {
  readonly log: MetricLog;
  /** Places stored, by node. */
  readonly places: Map<string, StoredPlaces>;
  /** Last state in the record, by node. */
  readonly states: ReadonlyMap<string, StateEntry>;
}

/** The record of a run on the disk. */
export interface KeptRecord {
  readonly runId: string;
  readonly bytes: number;
  /** ms since 1970 of what came last. */
  readonly heard: number;
  /** True while more is to come. */
  readonly live: boolean;
}

export interface Accepted {
  /** Metrics that were new. */
  readonly stored: number;
  /** Metrics that had been stored before. */
  readonly duplicates: number;
}

/** Path of a run's record. Characters that a file name may not have are escaped. */
const fileOf = (runId: string) => `${encodeURIComponent(runId)}${ENDING}`;

/** The run whose record a file is; undefined for another's file. */
function runIdOf(file: string): string | undefined {
  try {
    const runId = decodeURIComponent(file.slice(0, -ENDING.length));
    return fileOf(runId) === file ? runId : undefined;
  } catch {
    return undefined;
  }
}

/** The places of a node, in a map of all. */
function placesOf(places: Run["places"], node: string): StoredPlaces {
  const found = places.get(node) ?? new StoredPlaces();
  places.set(node, found);
  return found;
}

/** Opens a record, drops a line that was cut off, and finds the last places. */
function openRun(path: string, runId: string): Run {
  dropTornLine(path);
  const log = new MetricLog(path, { runId, node: "" });
  const places: Run["places"] = new Map();
  const states = new Map<string, StateEntry>();
  for (const entry of log.advance()) {
    placesOf(places, entry.node).add(entry.sequence);
    if (isState(entry)) states.set(entry.node, entry);
  }
  return { log, places, states };
}

/** True while a run may be at work, by the states of its nodes: some of older versions tell none, and are silent for long. */
const isLive = (silent: number, states: readonly StateEntry[]) =>
  states.length === 0 ? silent < 3600_000 : silent < 2 * LOST_AFTER && !states.every(({ state }) => isOver(state));

/** True where less is on disk than was written. */
const isGone = ({ path, end }: MetricLog) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) < end.offset;

/**
 * Stores metrics of many runs and nodes, each once, and shows them to watchers.
 *
 * A node's metrics arrive in order, and again from an earlier place after a failure: so their places tell new ones. Places
 * that never came are told, once.
 */
export class Archive implements Feed {
  readonly #dir: string;
  readonly #limit: number;
  readonly #runs = new Map<string, Run>();
  readonly #states = new RunStates();
  readonly #watch: NodeJS.Timeout;
  readonly #tell: (text: string) => void;
  readonly live = new Subject<readonly Entry[]>();

  /**
   * Opens every record of the folder, which is made where it is missing; one that cannot be read is told of, and the
   * others are shown. @throws what else the file system says.
   */
  constructor(dir: string, tell: (text: string) => void = () => {}, limit = LIMIT) {
    this.#dir = dir;
    this.#limit = limit;
    this.#tell = tell;
    mkdirSync(dir, { recursive: true });
    for (const file of readdirSync(dir).sort()) {
      const runId = runIdOf(file);
      if (runId !== undefined) this.#open(join(dir, file), runId);
    }
    for (const { states } of this.#runs.values()) this.#states.remember([...states.values()], false);
    this.#watch = setInterval(() => this.lose(), LOOK);
    this.#watch.unref();
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

  /** Tells watchers of runs that are silent for too long. */
  lose(): void {
    const lost = this.#states.lose();
    if (lost.length > 0) this.live.next(lost);
  }

  /**
   * Writes what is new in a batch, and passes it on; a batch of nothing makes no run.
   *
   * @throws Error for more runs or nodes than are kept, and what the file system says; nothing is stored then.
   */
  accept(batch: MetricBatch): Accepted {
    const { runId, node, sequence, metrics, dropped } = batch;
    const entries = entriesOf(batch);
    if (entries.length === 0) return { stored: 0, duplicates: 0 };
    const known = this.#runs.has(runId);
    const run = this.#run(runId);
    if (run.places.size >= this.#limit && !run.places.has(node))
      throw this.#full(`nodes of run ${sanitizeText(runId)}`);
    const places = placesOf(run.places, node);
    const fresh = sequence === 0 ? entries : entries.filter((entry) => !places.has(entry.sequence));
    if (fresh.length > 0) {
      const missing = fresh[0]!.sequence - places.last - 1 - dropped;
      run.log.append(fresh);
      // Of a record that was moved away, it is told already.
      if (missing > 0 && (places.last > 0 || !known)) this.#tell(`warning: run ${sanitizeText(runId)}: ${missing} metrics of ${sanitizeText(node)} before place ${sequence} did not come`); // prettier-ignore
      for (const entry of fresh) places.add(entry.sequence);
      this.#states.take(fresh);
      this.live.next(fresh);
    }
    const stored = fresh.filter((entry) => !isState(entry)).length;
    return { stored, duplicates: metrics.length - stored };
  }

  /** The records that are here now. */
  records(now = Date.now()): KeptRecord[] {
    const states = new Map<string, StateEntry[]>();
    for (const state of this.#states.newest()) states.set(state.runId, [...(states.get(state.runId) ?? []), state]);
    return [...this.#runs].flatMap(([runId, { log }]) => {
      const file = statSync(log.path, { throwIfNoEntry: false });
      if (!file) return [];
      const live = isLive(now - file.mtimeMs, states.get(runId) ?? []);
      return [{ runId, bytes: file.size, heard: file.mtimeMs, live }];
    });
  }

  /**
   * Deletes the record of a run; what the run pushes later begins a new one.
   *
   * @throws RangeError for a run that is not here, or is live, and what the file system says.
   */
  remove(runId: string): void {
    const record = this.records().find((each) => each.runId === runId);
    if (!record) throw new RangeError(`run ${runId}: this monitor keeps no record of it`);
    if (record.live) throw new RangeError(`run ${runId}: it is live`);
    rmSync(this.#runs.get(runId)!.log.path);
    this.#runs.delete(runId);
    this.#states.forget(runId);
  }

  /** Returns when the records of these runs are on disk. */
  sync(runIds: Iterable<string>): void {
    for (const runId of runIds) this.#runs.get(runId)?.log.sync();
  }

  /** Ends the watchers. */
  close(): void {
    clearInterval(this.#watch);
    this.live.complete();
  }

  #open(path: string, runId: string): void {
    try {
      this.#runs.set(runId, openRun(path, runId));
    } catch (error) {
      this.#tell(`warning: ${path} cannot be read: ${(error as Error).message}; its run is not shown`);
    }
  }

  #full(what: string): Error {
    return new Error(
      `the monitor keeps ${this.#limit} ${what} at most; move records out of ${this.#dir} and start it again`,
    );
  }

  #run(runId: string): Run {
    let run = this.#runs.get(runId);
    if (!run && this.#runs.size >= this.#limit) throw this.#full("runs");
    if (run && isGone(run.log)) {
      this.#tell(`warning: ${run.log.path} was moved away or cut; what comes is kept in a new file`);
      run = undefined;
    }
    if (!run) this.#runs.set(runId, (run = openRun(join(this.#dir, fileOf(runId)), runId)));
    return run;
  }
}
