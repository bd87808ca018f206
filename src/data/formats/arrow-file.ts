/**
 * Arrow IPC files with large columns: written atomically, read without copying a value.
 *
 * Columns are made with `makeData` from typed arrays; the row-by-row builders of Arrow JS get FixedSizeList wrong.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  Schema,
  Struct,
  Uint8,
  type Data,
} from "apache-arrow";
import { temporaryPath } from "../../base/temporary.ts";
import { requireSoundArrow } from "./arrow-check.ts";
import type { Column, ColumnData } from "../batch.ts";

const SHAPE = "shape";
// One read call takes at most 2^31 - 1 bytes.
const READ_LIMIT = 1 << 30;

/** An Arrow file in memory: `columns` are views on `buffer`. */
export interface ArrowFile {
  readonly buffer: ArrayBuffer;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Column>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Writes a file so that readers see all of it or nothing, also when the machine stops in between.
 *
 * The bytes go to a temporary name beside `path`, are synced to the disk, and the file is renamed.
 */
export async function writeFileAtomic(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const file = await open(temporary, "w");
    try {
      for await (const chunk of chunks) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes the rename itself durable; Windows cannot open directories and does not need it. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A scalar column (`shape` []) is a plain column, any other a FixedSizeList of its flattened values. */
function arrowColumn(name: string, { data, shape }: Column): { field: Field; data: Data } {
  const width = product(shape);
  const type = data instanceof Uint8Array ? new Uint8() : new Float32();
  const values = makeData({ type, length: data.length, nullCount: 0, data } as never) as Data;
  const metadata = new Map([[SHAPE, JSON.stringify(shape)]]);
  if (shape.length === 0) return { field: new Field(name, type, false, metadata), data: values };
  const list = new FixedSizeList(width, new Field("item", type, false));
  return {
    field: new Field(name, list, false, metadata),
    data: makeData({ type: list, length: data.length / width, nullCount: 0, child: values } as never) as Data,
  };
}

/**
 * Writes columns of equally many rows, [N, ...shape], as one record batch of an Arrow IPC file, atomically.
 *
 * @throws RangeError when the columns' lengths do not fit together.
 */
export async function writeArrowFile(
  path: string,
  columns: Record<string, Column>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const entries = Object.entries(columns);
  const rows = entries.map(([, { data, shape }]) => data.length / product(shape));
  const length = rows[0] ?? 0;
  if (rows.some((n) => n !== length) || !Number.isInteger(length)) {
    throw new RangeError(`${path}: columns ${Object.keys(columns).join(", ")} have ${rows.join(", ")} rows`);
  }
  const parts = entries.map(([name, column]) => arrowColumn(name, column));
  const fields = parts.map((part) => part.field);
  const schema = new Schema(fields, new Map(Object.entries(metadata)));
  const data = makeData({ type: new Struct(fields), length, nullCount: 0, children: parts.map((part) => part.data) });
  const writer = new RecordBatchFileWriter();
  writer.write(new RecordBatch(schema, data));
  writer.finish();
  await writeFileAtomic(path, writer);
}

function readWhole(path: string): ArrayBuffer {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(fstatSync(file).size);
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(file, bytes, at, Math.min(READ_LIMIT, bytes.length - at), null);
      if (count === 0) throw new RangeError(`${path}: it became shorter while it was read`);
      at += count;
    }
    return bytes.buffer;
  } finally {
    closeSync(file);
  }
}

/**
 * Reads what {@link writeArrowFile} wrote: the file is read once, the columns are views on that buffer.
 *
 * @throws RangeError when the file is not an Arrow IPC file of one record batch; a system error when it cannot be read.
 */
export function readArrowFile(path: string): ArrowFile {
  requireSoundArrow(path);
  const buffer = readWhole(path);
  const record = parse(path, buffer);
  const columns = record.schema.fields.map((field, i): [string, Column] => {
    const shape = JSON.parse(field.metadata.get(SHAPE) ?? "[]") as number[];
    const child = record.data.children[i]!;
    const values = (shape.length === 0 ? child : child.children[0]!).values as ColumnData;
    const length = record.numRows * product(shape);
    if (values.length < length) throw new RangeError(`${path}: column "${field.name}" is cut short`);
    return [field.name, { data: values.subarray(0, length), shape }];
  });
  return { buffer, rows: record.numRows, columns: new Map(columns), metadata: record.schema.metadata };
}

function parse(path: string, buffer: ArrayBuffer): RecordBatch {
  let records: RecordBatch[];
  try {
    records = [...RecordBatchReader.from(new Uint8Array(buffer))];
  } catch (error) {
    throw new RangeError(`${path}: not an Arrow IPC file: ${(error as Error).message}`, { cause: error });
  }
  const record = records[0];
  if (records.length !== 1 || !record) {
    throw new RangeError(`${path}: expected an Arrow IPC file of one record batch, found ${records.length}`);
  }
  return record;
}
