/** The record of a run: one JSON object a line and a metric. */
import { appendFileSync, closeSync, existsSync, fdatasyncSync, openSync, statSync, truncateSync, writeSync } from "node:fs"; // prettier-ignore
import { setImmediate } from "node:timers/promises";
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

/** A line as an entry, if it is one, and the place after it. */
interface ReadEntry {
  readonly entry?: Entry | undefined;
  readonly end: Position;
}
type Keep = (entry: Entry) => boolean;
interface BatchAndEnd {
  readonly batch: MetricBatch;
  /** The place after it. */
  readonly end: Position;
}

/** Bytes of a file that are looked through between two turns of the event loop. */
const PIECE = 2 ** 20;

function* tapped<T>(values: Iterable<T>, look: (value: T) => void): Generator<T, void> {
  for (const value of values) {
    look(value);
    yield value;
  }
}

/** The entries of lines in batches. */
function* batched(lines: Iterable<ReadEntry>, from: Position, keep?: Keep): Generator<BatchAndEnd, void> {
  let entries: Entry[] = [];
  let end = from;
  for (const line of lines) {
    const { entry } = line;
    if (entry && (!keep || keep(entry))) {
      const last = entries.at(-1);
      if (last && (entries.length === BATCH_SIZE || !follows(last, entry, keep !== undefined))) {
        yield { batch: batchOf(entries), end };
        entries = [];
      }
      entries.push(entry);
      end = line.end;
    }
  }
  if (entries.length > 0) yield { batch: batchOf(entries), end };
}

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
  *read(from: Position = START, to?: Position): Generator<ReadEntry> {
    if (to && from.offset >= to.offset) return;
    for (const { text, end } of readLines(this.path, from)) {
      yield { entry: parseLine(text, end.line, this.owner), end };
      if (to && end.offset >= to.offset) return;
    }
  }

  /**
   * All entries from a place on in batches without gaps, each with the place after it.
   */
  batches(from: Position = START): Generator<BatchAndEnd> {
    return batched(this.read(from), from);
  }

  /**
   * Some entries up to a place in batches, with a turn for others after each MiB, whether it has such entries or not.
   *
   * @param keep Which entries.
   */
  async *batchesInTurns(to: Position, keep: Keep): AsyncGenerator<BatchAndEnd, void> {
    for (let from = START; from.offset < to.offset; await setImmediate()) {
      const before = from;
      const piece = { ...to, offset: Math.min(to.offset, from.offset + PIECE) };
      yield* batched(
        tapped(this.read(from, piece), ({ end }) => (from = end)),
        from,
        keep,
      );
      // The file is shorter than it was.
      if (from === before) return;
    }
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
