/** The record of a run: one JSON object a line and a metric. */
import { appendFileSync, closeSync, existsSync, fdatasyncSync, openSync, statSync, truncateSync, writeSync } from "node:fs"; // prettier-ignore
import { readLines, START, type Position } from "./lines.ts";
import { BATCH_SIZE, batchOf, follows, isMetric, type Entry, type Metric, type MetricBatch, type RecordPlace } from "../metrics/metric.ts"; // prettier-ignore
import { parseRunState, type RunState } from "../metrics/run-state.ts";

/** Owner of a file's metrics, where its lines do not name one. */
export interface RecordOwner {
  readonly runId: string;
  readonly node: string;
}

/** A line of the file; node and sequence where a file has several nodes. */
type Stored = Metric & { readonly value: number | null; readonly state: unknown } & Partial<Omit<RecordPlace, "runId">>;

/** The entry of a line; undefined for what is none. A value of null is NaN, which JSON does not have. */
export function parseLine(text: string, line: number, owner: RecordOwner): Entry | undefined {
  let stored: Partial<Stored> | null;
  try {
    stored = JSON.parse(text) as Partial<Stored> | null;
  } catch {
    return undefined;
  }
  const { name, step, value, unit = "1", time = "", node = owner.node, sequence = line } = stored ?? {};
  const state = parseRunState(stored?.state);
  if (state) return { runId: owner.runId, node, sequence, state };
  if (typeof name !== "string" || typeof step !== "number" || value === undefined) return undefined;
  return { runId: owner.runId, node, sequence, metric: { name, step, value: value ?? NaN, unit, time } };
}

type Within = Omit<RecordPlace, "runId">;

/** A line without its end. */
const lineOf = ({ name, step, value, unit, time }: Metric, place?: Within) =>
  JSON.stringify({ name, step, value, unit, time, ...place });
/** Readers of before, who look for a name, skip it. */
const stateLine = (state: RunState, place?: Within) => JSON.stringify({ state, ...place });
/** Start of a {@link stateLine}. */
const STATE = '{"state":';

/**
 * A file of metrics that is appended to, here or by another thread, and read any number of times meanwhile.
 *
 * The place of an entry is its line, unless the line tells another: so a line that cannot be read leaves a gap.
 */
export class MetricLog {
  readonly path: string;
  readonly owner: RecordOwner;
  #end: Position = START;

  constructor(path: string, owner: RecordOwner) {
    this.path = path;
    this.owner = owner;
  }

  /** The end of what was appended here or seen by {@link advance}. */
  get end(): Position {
    return this.#end;
  }

  /** Entries from a place up to another, each with the place after it; of a line that is none, undefined. */
  *read(
    from: Position = START,
    to?: Position,
  ): Generator<{ readonly entry?: Entry | undefined; readonly end: Position }> {
    if (to && from.offset >= to.offset) return;
    for (const { text, end } of readLines(this.path, from)) {
      yield { entry: parseLine(text, end.line, this.owner), end };
      if (to && end.offset >= to.offset) return;
    }
  }

  /**
   * Entries from a place up to another in batches, each with the place after it.
   *
   * @param keep Which entries; without it all, and then each batch is without gaps.
   */
  *batches(
    from?: Position,
    to?: Position,
    keep?: (entry: Entry) => boolean,
  ): Generator<{ batch: MetricBatch; end: Position }> {
    let entries: Entry[] = [];
    let end = from ?? START;
    for (const line of this.read(from, to)) {
      const { entry } = line;
      if (entry && (!keep || keep(entry))) {
        const last = entries.at(-1);
        if (last && (entries.length === BATCH_SIZE || !follows(last, entry, keep !== undefined))) {
          yield { batch: batchOf(entries), end };
          entries = [];
        }
        entries.push(entry);
      }
      end = line.end;
    }
    if (entries.length > 0) yield { batch: batchOf(entries), end };
  }

  /** Entries that came since the last call. */
  *advance(): Generator<Entry, void> {
    for (const { entry, end } of this.read(this.#end)) {
      this.#end = end;
      if (entry) yield entry;
    }
  }

  /** Takes what is there as the past, which {@link advance} does not give. @returns The newest state in it. */
  skip(): Entry | undefined {
    let newest: string | undefined;
    let at = 0;
    for (const { text, end } of readLines(this.path, this.#end)) {
      this.#end = end;
      if (text.startsWith(STATE)) [newest, at] = [text, end.line];
    }
    return newest === undefined ? undefined : parseLine(newest, at, this.owner);
  }

  /**
   * Adds a metric of the owner.
   *
   * @throws what the file system says; the file is then as it was.
   */
  add(metric: Metric): void {
    this.#write([lineOf(metric)]);
  }

  /** Adds how far the owner is. @throws as {@link add}. */
  addState(state: RunState): void {
    this.#write([stateLine(state)]);
  }

  /** Adds entries of any node, all or none. @throws as {@link add}. */
  append(entries: readonly Entry[]): void {
    const line = (entry: Entry) => {
      const place = { node: entry.node, sequence: entry.sequence };
      return isMetric(entry) ? lineOf(entry.metric, place) : stateLine(entry.state, place);
    };
    this.#write(entries.map(line));
  }

  /**
   * Overwrites metrics with spaces, and with them lines that cannot be read. All others keep their place in the file, for
   * those who follow it or have sent it on.
   *
   * @param isVoid Tells which metrics no longer count.
   */
  blank(isVoid: (metric: Metric) => boolean): void {
    const file = existsSync(this.path) ? openSync(this.path, "r+") : undefined;
    if (file === undefined) return;
    try {
      for (const { text, end } of readLines(this.path)) {
        const entry = parseLine(text, end.line, this.owner);
        if (text.trim() === "" || (entry && !(isMetric(entry) && isVoid(entry.metric)))) continue;
        const length = Buffer.byteLength(text);
        writeSync(file, Buffer.alloc(length, " "), 0, length, end.offset - 1 - length);
      }
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** Returns when all is on disk. */
  sync(): void {
    const file = openSync(this.path, "r+");
    try {
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  #write(lines: readonly string[]): void {
    const text = `${lines.join("\n")}\n`;
    const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
    try {
      appendFileSync(this.path, text);
    } catch (error) {
      try {
        truncateSync(this.path, size);
      } catch {
        // It is not a regular file, or it is gone: the first error tells which.
      }
      throw error;
    }
    const { offset, line } = this.#end;
    this.#end = { offset: offset + Buffer.byteLength(text), line: line + lines.length };
  }
}
