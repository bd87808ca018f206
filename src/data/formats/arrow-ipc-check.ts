/**
 * Checks that the messages of Arrow files and streams from other programs hold together, whatever their columns. Arrow JS
 * (21.2.0) follows them without a look at their bytes: one wrong bit can make it turn for ever or fill the memory.
 *
 * @see https://github.com/apache/arrow/blob/main/format/File.fbs, Message.fbs and Schema.fbs
 */
import type { FileHandle } from "node:fs/promises";
import { requireSoundTable, type FlatPlace, type Table } from "./flat-check.ts";
import { FlatTable } from "./flat-table.ts";

const PAIRS: FlatPlace = { tables: ["text", "text"] };
/** Its numbers are looked at by Arrow JS. */
const TYPE: FlatPlace = { table: [] };
const DICTIONARY: FlatPlace = { table: ["plain", TYPE, "plain", "plain"] };
const BLOCKS: FlatPlace = { structs: 24 };
const NUMBERS: FlatPlace = { structs: 8 };

const field: FlatPlace[] = ["text", "plain", "plain", TYPE, DICTIONARY];
field.push({ tables: field }, PAIRS);
const schema: Table = ["plain", { tables: field }, PAIRS, NUMBERS];
const record: Table = ["plain", { structs: 16 }, { structs: 16 }, { table: [] }, NUMBERS];
const footer: Table = ["plain", { table: schema }, BLOCKS, BLOCKS, PAIRS];
/** Kinds of messages by their number: schema, dictionary, record batch. */
const headers = new Map<number, Table>([
  [1, schema],
  [2, ["plain", { table: record }, "plain"]],
  [3, record],
]);
const [DICTIONARY_BATCH, RECORD_BATCH] = [2, 3];

/** "ARROW1" and two bytes of padding at the beginning of a file; the footer's length and "ARROW1" at its end. */
const [HEAD, TAIL] = [8, 10];
/** Names of classes and features stand in a schema. */
const MAX_DESCRIPTION = 1 << 26;
/** Rows that JavaScript's arrays can have. */
const MAX_ROWS = 2 ** 31;

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (!(length > 0 && length <= MAX_DESCRIPTION)) throw new RangeError(`a description has ${length} bytes`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead < length) throw new RangeError(`cut short at byte ${position + bytesRead}`);
  return buffer;
}

/** True when columns and buffers lie within the body. */
function requireFits(batch: FlatTable, bodyLength: number): void {
  for (const length of [batch.long(0), ...batch.pairs(1).map(([length]) => length)]) {
    if (!(length >= 0 && length < MAX_ROWS)) throw new RangeError(`a column has ${length} rows`);
  }
  for (const [offset, length] of batch.pairs(2)) {
    if (offset >= 0 && length >= 0 && offset + length <= bodyLength) continue;
    throw new RangeError(`${length} bytes at ${offset} do not lie in a body of ${bodyLength}`);
  }
}

interface SoundMessage {
  readonly kind: number;
  readonly bodyLength: number;
}

/** @throws RangeError when the flatbuffer of a message does not hold together. */
function soundMessage(bytes: Uint8Array): SoundMessage {
  const message = FlatTable.root(bytes);
  const kind = message.byte(1);
  const header = headers.get(kind);
  if (!header) throw new RangeError(`a message is of kind ${kind}`);
  requireSoundTable(bytes, ["plain", "plain", { table: header }, "plain", PAIRS]);
  const [content, bodyLength] = [message.table(2), message.long(3)];
  if (!content || bodyLength < 0) throw new RangeError("a message is empty");
  const batch = kind === DICTIONARY_BATCH ? content.table(1) : content;
  if (kind === DICTIONARY_BATCH && !batch) throw new RangeError("a dictionary is empty");
  if (kind >= DICTIONARY_BATCH) requireFits(batch!, bodyLength);
  return { kind, bodyLength };
}

/** The message at `position` and where it ends; undefined at the end of a stream. */
async function messageAt(file: FileHandle, position: number, size: number) {
  if (size - position < 4) return undefined;
  const mark = (await read(file, position, 4)).readInt32LE(0);
  // Old writers leave the mark out.
  const start = mark === -1 ? position + 8 : position + 4;
  const length = mark === -1 ? (await read(file, position + 4, 4)).readInt32LE(0) : mark;
  if (length === 0) return undefined;
  const message = soundMessage(await read(file, start, length));
  const end = start + length + message.bodyLength;
  if (end > size) throw new RangeError(`cut short: a message ends at byte ${end} of ${size}`);
  return { ...message, start, length, end };
}

/** A file of which the footer is sound. */
export interface SoundFooter {
  /** @throws RangeError when record batch `i` is not where the footer says, or does not hold together. */
  requireBatch(i: number): Promise<void>;
}

/** Checks the footer of a file, and the dictionaries, which are read first. @throws RangeError when they are not sound. */
export async function soundFooter(file: FileHandle): Promise<SoundFooter> {
  const { size } = await file.stat();
  const length = (await read(file, size - TAIL, TAIL)).readInt32LE(0);
  if (length > size - TAIL - HEAD) throw new RangeError(`its footer has ${length} of ${size} bytes`);
  const bytes = await read(file, size - TAIL - length, length);
  requireSoundTable(bytes, footer);
  const root = FlatTable.root(bytes);
  if (!root.table(1)) throw new RangeError("its footer has no schema");
  const [dictionaries, batches] = [root.triples(2), root.triples(3)];
  const requireBlock = async ([offset, lengths, bodyLength]: readonly [number, number, number], kind: number) => {
    const found = offset >= HEAD ? await messageAt(file, offset, size - TAIL - length) : undefined;
    // The upper half of the second number is padding.
    const described = Number(BigInt.asIntN(32, BigInt(lengths)));
    if (!found || found.kind !== kind)
      throw new RangeError(`its footer says what is at byte ${offset}, it is not there`);
    if (found.bodyLength === bodyLength && described >= found.start - offset + found.length) return;
    throw new RangeError(`its footer has other lengths than the message at byte ${offset}`);
  };
  for (const block of dictionaries) await requireBlock(block, DICTIONARY_BATCH);
  return {
    requireBatch: async (i) => requireBlock(batches[i] ?? [-1, 0, 0], RECORD_BATCH),
  };
}

/**
 * Checks the messages of a stream, one each time that it is asked.
 *
 * @returns Whether a record batch was the last that was checked; false at the end.
 */
export function soundStream(file: FileHandle): {
  readonly next: () => Promise<boolean>;
  readonly schema: () => Promise<void>;
} {
  let position = 0;
  const advance = async () => {
    const found = await messageAt(file, position, (await file.stat()).size);
    position = found?.end ?? position;
    return found?.kind;
  };
  return {
    schema: async () => void (await advance()),
    async next() {
      for (let kind = await advance(); kind !== undefined; kind = await advance())
        if (kind === RECORD_BATCH) return true;
      return false;
    },
  };
}
