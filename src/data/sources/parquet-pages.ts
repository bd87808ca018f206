/**
 * Computes the size of a Parquet column's pages once unpacked. The reader (hyparquet 1.31.5) allocates whatever their
 * headers say, so that a file of a few kilobytes can fill the memory.
 *
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift, PageHeader
 */
import type { AsyncBuffer, ColumnMetaData } from "hyparquet";
import { requirePlausible } from "./codecs.ts";
import { MAX_BLOCK_BYTES, MAX_GROUP_ROWS, MAX_GROUP_VALUES, MAX_RECORD_BYTES } from "./limits.ts";

/** Statistics in a header are at most a few kilobytes. */
const MAX_HEADER = 1 << 15;
const [STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT] = [0, 1, 2, 3, 7, 8, 9, 10, 12];

/** Numbers in a struct of Thrift's compact protocol by their path of field ids, as "5.1". */
class Numbers {
  readonly found = new Map<string, number>();
  readonly #view: DataView;
  at = 0;

  constructor(view: DataView) {
    this.#view = view;
  }

  struct(path = ""): this {
    for (let id = 0; ;) {
      const byte = this.#view.getUint8(this.at++);
      const type = byte & 15;
      if (type === STOP) return this;
      id = byte >> 4 ? id + (byte >> 4) : this.#integer();
      this.#value(type, `${path}${id}`);
    }
  }

  #value(type: number, path: string): void {
    if (type === TRUE || type === FALSE) return;
    else if (type === BYTE) this.at++;
    else if (type < DOUBLE) this.found.set(path, this.#integer());
    else if (type === DOUBLE) this.at += 8;
    else if (type === BINARY) this.#skip();
    else if (type === STRUCT) this.struct(`${path}.`);
    else if (type === LIST || type === SET) throw new RangeError("a list in the header of a page");
    else throw new RangeError(`the type ${type} in the header of a page`);
  }

  #skip(): void {
    const length = this.#varint();
    this.at += length;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.#view.getUint8(this.at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError("a number in the header of a page is too long");
  }

  /** Signs are in the lowest bit. */
  #integer(): number {
    const value = this.#varint();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }
}

/** Kinds of pages, and the numbers that their headers must have: without one the reader can run for ever. */
const REQUIRED: ReadonlyMap<number | undefined, readonly string[]> = new Map([
  [0, ["5.1", "5.2", "5.3", "5.4"]],
  [1, []],
  [2, ["7.1", "7.2"]],
  [3, ["8.1", "8.2", "8.3", "8.4", "8.5", "8.6"]],
]);

/** @throws RangeError when a header lacks a number, or has one that cannot be. */
function requireNumbers(found: ReadonlyMap<string, number>, packed: number): void {
  const required = REQUIRED.get(found.get("1"));
  if (!required) throw new RangeError(`the kind ${found.get("1")} of a page`);
  const missing = required.find((path) => !(found.get(path)! >= 0));
  if (missing !== undefined) throw new RangeError(`the header of a page has no number ${missing}`);
  const [nulls, rows, values] = ["8.2", "8.3", "8.1"].map((path) => found.get(path) ?? 0) as [number, number, number];
  if (Math.max(nulls, rows) > values) throw new RangeError(`${values} values of a page in ${rows} rows, ${nulls} null`);
  const levels = (found.get("8.5") ?? 0) + (found.get("8.6") ?? 0);
  if (levels > packed) throw new RangeError(`${levels} bytes of levels in a page of ${packed} bytes`);
}

interface Page {
  readonly header: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly values: number;
}

function readPage(view: DataView): Page {
  const numbers = new Numbers(view).struct();
  const { found, at: header } = numbers;
  const [packed, unpacked] = [found.get("3") ?? -1, found.get("2") ?? -1];
  // Data, dictionary, data of the second version.
  const values = Math.max(...["5.1", "7.1", "8.1"].map((path) => found.get(path) ?? 0));
  if (packed < 0 || unpacked < 0) throw new RangeError("the header of a page declares no size");
  requireNumbers(found, packed);
  return { header, packed, unpacked, values };
}

const count = (value: bigint | number | undefined) => Number(value ?? 0);

/** Finds where the pages of a column begin and end. */
function extent({ dictionary_page_offset, data_page_offset, total_compressed_size }: ColumnMetaData): [number, number] {
  const start = count(dictionary_page_offset) || count(data_page_offset);
  return [start, start + count(total_compressed_size)];
}

/**
 * Reads the headers of all pages of these columns of a row group, and nothing else.
 *
 * @throws RangeError when the pages would take more memory than images can, or than what they are packed in can hold.
 */
export async function requireSmallPages(
  file: AsyncBuffer,
  columns: readonly ColumnMetaData[],
  rows: number,
): Promise<void> {
  if (rows > MAX_GROUP_ROWS) throw new RangeError(`${rows} rows in one row group are too many; ${REMEDY}`);
  let [packed, unpacked, values] = [0, 0, 0];
  for (const column of columns) {
    const [start, end] = extent(column);
    for (let at = start; at < end - 1;) {
      const bytes = await file.slice(at, Math.min(at + MAX_HEADER, end));
      const page = readPage(new DataView(bytes));
      if (page.unpacked > MAX_RECORD_BYTES * Math.max(1, page.values)) {
        throw new RangeError(`${page.values} values of a page unpack to ${page.unpacked} bytes, too many for images`);
      }
      packed += page.header + page.packed;
      unpacked += page.unpacked;
      values += page.values;
      at += page.header + page.packed;
    }
  }
  requirePlausible(packed, unpacked);
  if (unpacked > MAX_BLOCK_BYTES) throw new RangeError(`${unpacked} bytes are too many; ${REMEDY}`);
  if (values > MAX_GROUP_VALUES) throw new RangeError(`${values} values in one row group are too many; ${REMEDY}`);
}

const REMEDY = "write it with smaller row groups";
