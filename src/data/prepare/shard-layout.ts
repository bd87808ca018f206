/** Finds the places of a shard's values without reading them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readArrowMessage, type BatchMessage } from "../formats/arrow-message.ts";

export interface ShardLayout {
  readonly count: number;
  /** Pixels of an image. */
  readonly width: number;
  /** First byte of the images. */
  readonly images: number;
  /** First byte of the labels, int32. */
  readonly labels: number | undefined;
}

/** "ARROW1" and two bytes of padding. */
const MAGIC = 8;
/** A mark and the length of the message that follows. */
const PREFIX = 8;
/** Names of many classes stand in the schema. */
const MAX_MESSAGE = 1 << 26;

function readAt(file: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (readSync(file, bytes, 0, length, position) < length) throw new Error(`cut short at byte ${position}`);
  return bytes;
}

/**
 * The first record batch's message and where its buffers begin. The Schema message stands before it; in shards of
 * layout 1 nothing does.
 */
function firstBatch(file: number): { readonly message: BatchMessage; readonly body: number } {
  if (new TextDecoder().decode(readAt(file, 0, 6)) !== "ARROW1") throw new Error("no Arrow IPC file");
  for (let at = MAGIC, tries = 0; tries < 2; tries++) {
    const prefix = new DataView(readAt(file, at, PREFIX).buffer);
    const length = prefix.getInt32(4, true);
    if (prefix.getInt32(0, true) !== -1 || !(length > 0 && length <= MAX_MESSAGE)) break;
    const message = readArrowMessage(readAt(file, at + PREFIX, length), MAX_MESSAGE);
    at += PREFIX + length;
    if (message.kind === "batch") return { message, body: at };
  }
  throw new Error("no record batch at its beginning");
}

/** Finds where the values of a buffer begin. @throws where it has fewer bytes than needed. */
function valuesAt({ buffers, bodyLength }: BatchMessage, i: number, needed: number): number {
  const [offset, length] = buffers[i] ?? [-1, 0];
  if (offset >= 0 && length >= needed && offset + length <= bodyLength) return offset;
  throw new Error(`${needed} bytes do not lie in its buffer of ${length} at ${offset} of ${bodyLength}`);
}

function formOf(file: number): ShardLayout {
  const { message, body } = firstBatch(file);
  const { nodes, rows, bodyLength } = message;
  const { size } = fstatSync(file);
  if (!(bodyLength >= 0 && body + bodyLength <= size)) throw new Error(`${bodyLength} bytes of values do not fit`);
  // Nodes: lists, their items, labels. Buffers: validity of the lists, of the items, the items; validity, labels.
  const [count = 0, items = 0] = nodes.map(([length]) => length);
  const width = items / count;
  if (count < 1 || count !== rows || !(Number.isInteger(width) && width > 0)) throw new Error("no images in it");
  if (nodes.length < 2 || nodes.length > 3) throw new Error("it has other columns than images and labels");
  const images = body + valuesAt(message, 2, items);
  return { count, width, images, labels: nodes.length === 3 ? body + valuesAt(message, 4, 4 * count) : undefined };
}

/**
 * Finds the values of a shard without reading them: the file's first record batch says where its buffers are.
 *
 * @throws RangeError when the file is no shard.
 */
export function readLayout(path: string): ShardLayout {
  const file = openSync(path, "r");
  try {
    return formOf(file);
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw error;
    throw new RangeError(`${path}: not a shard: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(file);
  }
}
