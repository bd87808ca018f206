/** The lines of a file that grows at its end. */
import { closeSync, openSync, readSync, statSync, truncateSync } from "node:fs";

/** A place between two lines. */
export interface Position {
  /** Bytes before it. */
  readonly offset: number;
  /** Lines before it. */
  readonly line: number;
}

export const START: Position = { offset: 0, line: 0 };

export interface Line {
  readonly text: string;
  /** The place after it. */
  readonly end: Position;
}

const CHUNK = 1 << 16;
const NEWLINE = 0x0a;

/** Bytes from `offset`; none at the end, or when there is no such file. */
function readChunk(path: string, offset: number): Buffer {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  try {
    const bytes = Buffer.allocUnsafe(CHUNK);
    return bytes.subarray(0, readSync(file, bytes, 0, CHUNK, offset));
  } finally {
    closeSync(file);
  }
}

/**
 * Complete lines from a place on, read as they are asked for; the file is not kept open between chunks of 64 KiB, so
 * that any number of slow readers holds none.
 *
 * @throws what the file system says, except that a missing file has no lines.
 */
export function* readLines(path: string, from: Position = START): Generator<Line, void> {
  let { offset, line } = from;
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk = readChunk(path, offset + bytes.length);
    if (chunk.length === 0) return;
    bytes = Buffer.concat([bytes, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const text = bytes.toString("utf8", start, end);
      start = end + 1;
      yield { text, end: { offset: offset + start, line: ++line } };
    }
    offset += start;
    bytes = bytes.subarray(start);
  }
}

/** Cuts off what follows the last complete line: a write that was interrupted. @throws what the file system says. */
export function dropTornLine(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return;
  const from = Math.max(0, stat.size - CHUNK);
  const tail = readChunk(path, from);
  const whole = tail.lastIndexOf(NEWLINE) + 1;
  if (whole < tail.length) truncateSync(path, from + whole);
}
