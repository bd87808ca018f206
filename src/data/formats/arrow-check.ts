/**
 * Checks that the descriptions in an Arrow IPC file hold together. Arrow JS follows them without comparing them with
 * the size of the file, so that one wrong byte can make it fill the memory.
 *
 * @see https://github.com/apache/arrow/blob/main/format/File.fbs, Message.fbs and Schema.fbs
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { requireSoundTable, type Kinds, type FlatPlace, type Table } from "./flat-check.ts";

const PAIRS: FlatPlace = { tables: ["text", "text"] };
/** A type's own table: numbers only, of the types there may be. */
const TYPE: Table = [];
const BLOCKS: FlatPlace = { structs: 24 };

const leaf: Table = ["text", "plain", "plain", { table: TYPE }, "absent", { tables: [] }, PAIRS];
const field: Table = ["text", "plain", "plain", { table: TYPE }, "absent", { tables: leaf }, PAIRS];
const schema: Table = ["plain", { tables: field }, PAIRS, "plain"];
const footer: Table = ["plain", { table: schema }, BLOCKS, BLOCKS, PAIRS];
const record: Table = ["plain", { structs: 16 }, { structs: 16 }, "absent", "absent"];
const message: Table = ["plain", "plain", { table: record }, "plain", PAIRS];

/** Int, FloatingPoint and FixedSizeList are the columns that are written; Arrow JS waits for a RecordBatch forever. */
const KINDS = new Map<Table, Kinds>([
  [leaf, { place: 2, allowed: [2, 3, 16] }],
  [field, { place: 2, allowed: [2, 3, 16] }],
  [message, { place: 1, allowed: [3] }],
]);

/** Bytes behind the footer: its length in 4 bytes, and "ARROW1". */
const TAIL = 10;
/** Descriptions take a few hundred bytes a column, and the metadata of a checkpoint some 100 kB. */
const MAX_DESCRIPTION = 1 << 26;

function check(file: number): void {
  const { size } = fstatSync(file);
  const read = (at: number, length: number): Buffer => {
    if (!(length > 0 && length <= MAX_DESCRIPTION && at >= 0 && at + length <= size)) {
      throw new RangeError(`${length} bytes at ${at} of ${size} should describe it`);
    }
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, at);
    return bytes;
  };
  const tail = read(size - TAIL, TAIL);
  if (tail.toString("latin1", 4) !== "ARROW1") throw new RangeError("it does not end as one");
  const length = tail.readInt32LE(0);
  const description = read(size - TAIL - length, length);
  requireSoundTable(description, footer, KINDS);
  const { offset, length: headLength } = block(description);
  const head = read(offset, headLength);
  // The mark of a message, and its length; others make Arrow JS turn in circles.
  if (head.length < 8 || head.readInt32LE(0) !== -1 || head.readInt32LE(4) !== head.length - 8) {
    throw new RangeError("its columns are not where it says");
  }
  requireSoundTable(head.subarray(8), message, KINDS);
}

/** Finds the message of the one record batch, in a footer that was checked. */
function block(bytes: Buffer): { readonly offset: number; readonly length: number } {
  const at = bytes.readUInt32LE(0);
  const places = at - bytes.readInt32LE(at);
  const list = (index: number) => {
    const entry = 4 + 2 * index;
    const offset = entry < bytes.readUInt16LE(places) ? bytes.readUInt16LE(places + entry) : 0;
    return offset ? at + offset + bytes.readUInt32LE(at + offset) : undefined;
  };
  const [dictionaries, batches] = [list(2), list(3)];
  const count = (at: number | undefined) => (at === undefined ? 0 : bytes.readUInt32LE(at));
  if (count(dictionaries) > 0 || batches === undefined || count(batches) !== 1) {
    throw new RangeError(`expected one record batch, found ${count(batches)}`);
  }
  return { offset: Number(bytes.readBigInt64LE(batches + 4)), length: bytes.readInt32LE(batches + 12) };
}

/**
 * Follows the descriptions of an Arrow IPC file of plain columns, without reading a column.
 *
 * @throws RangeError when they do not hold together; a system error when the file cannot be read.
 */
export function requireSoundArrow(path: string): void {
  const file = openSync(path, "r");
  try {
    check(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall) throw error;
    const reason = (error as Error).message;
    throw new RangeError(`${path}: not an Arrow IPC file: ${reason}`, { cause: error });
  } finally {
    closeSync(file);
  }
}
