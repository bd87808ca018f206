/**
 * The value that travels between stages: one Arrow RecordBatch with a fixed-size-list column per quantity.
 *
 * The type includes the names of the columns, so a pipeline with stages in the wrong order does not compile.
 */
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  RecordBatchReader,
  Schema,
  Struct,
  Uint8,
  type Data,
  type DataType,
} from "apache-arrow";

/** Typed arrays that a column can hold. */
export type ColumnData = Float32Array | Uint8Array;

/** The position of a batch in the run. Together with the seed, it determines every random number of the batch. */
export interface BatchInfo {
  /** Optimizer step to which this batch belongs, counted from 0. */
  readonly step: number;
  /** Shard of the global batch, 0 <= shard < shards. */
  readonly shard: number;
  readonly shards: number;
  /** Running index of the batch's first example in the concatenated epochs. */
  readonly firstSample: number;
  /** Number of times that the random numbers of the step were redrawn, see `goBack`; absent: 0. */
  readonly redraw?: number;
}

/** One Arrow RecordBatch with the columns `C`. */
export interface Batch<C extends string = string> {
  readonly record: RecordBatch;
  readonly info: BatchInfo;
  /** Examples in the batch, B. */
  readonly size: number;
  /**
   * Names the columns; exists only in the type. It is contravariant, so a batch with more columns is accepted where
   * fewer are required.
   */
  readonly columns: (name: C) => void;
}

/** A column's values, [B, ...shape], row-major. */
export interface Column<A extends ColumnData = ColumnData> {
  readonly data: A;
  /** Shape of one example: `[H, W, C]` for images, `[]` for scalars. */
  readonly shape: readonly number[];
}

const SHAPE = "shape";
const INFO = "scorestream";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function arrowColumn(name: string, { data, shape }: Column, size: number): { field: Field; data: Data } {
  const width = product(shape);
  if (data.length !== size * width) {
    throw new RangeError(`column "${name}": ${data.length} values, expected ${size} x [${shape.join(", ")}]`);
  }
  const type: DataType = data instanceof Uint8Array ? new Uint8() : new Float32();
  const values = makeData({ type, length: data.length, nullCount: 0, data } as never) as Data;
  const item = new Field("item", type, false);
  const list = new FixedSizeList(width, item);
  return {
    field: new Field(name, list, false, new Map([[SHAPE, JSON.stringify(shape)]])),
    data: makeData({ type: list, length: size, nullCount: 0, child: values }) as Data,
  };
}

function assemble<C extends string>(fields: Field[], children: Data[], size: number, info: BatchInfo): Batch<C> {
  const schema = new Schema(fields, new Map([[INFO, JSON.stringify(info)]]));
  const data = makeData({ type: new Struct(fields), length: size, nullCount: 0, children });
  return { record: new RecordBatch(schema, data), info, size, columns: () => {} };
}

/** Wraps typed arrays as a batch, without copying. @throws RangeError when a column's length does not fit its shape. */
export function createBatch<C extends string>(columns: Record<C, Column>, info: BatchInfo): Batch<C> {
  const entries = Object.entries(columns) as [C, Column][];
  const first = entries[0];
  if (!first) throw new RangeError("a batch needs at least one column");
  const size = first[1].data.length / product(first[1].shape);
  if (!Number.isInteger(size)) {
    const { data, shape } = first[1];
    throw new RangeError(`column "${first[0]}": ${data.length} values are no whole number of [${shape.join(", ")}]`);
  }
  const parts = entries.map(([name, column]) => arrowColumn(name, column, size));
  return assemble(
    parts.map((p) => p.field),
    parts.map((p) => p.data),
    size,
    info,
  );
}

/** Adds columns to a batch, or replaces those of the same name; the others are shared, not copied. */
export function withColumns<C extends string, N extends string>(
  batch: Batch<C>,
  columns: Record<N, Column>,
): Batch<C | N> {
  const names = new Set(Object.keys(columns));
  const kept = batch.record.schema.fields.flatMap((field, i) =>
    names.has(field.name) ? [] : [{ field, data: batch.record.data.children[i] as Data }],
  );
  const added = Object.entries<Column>(columns).map(([name, column]) => arrowColumn(name, column, batch.size));
  const all = [...kept, ...added];
  return assemble(
    all.map((p) => p.field),
    all.map((p) => p.data),
    batch.size,
    batch.info,
  );
}

/** Removes the named columns; the others are shared, not copied. @throws RangeError when there is no such column. */
export function withoutColumns<C extends string, K extends C>(batch: Batch<C>, ...names: K[]): Batch<Exclude<C, K>> {
  for (const name of names) fieldIndex(batch, name);
  const kept = batch.record.schema.fields.map(({ name }) => name).filter((name) => !names.includes(name as K));
  return select(batch as Batch, ...kept) as Batch<Exclude<C, K>>;
}

/** Keeps only the named columns, in the batch's order. @throws RangeError when there is no such column. */
export function select<C extends string, K extends C>(batch: Batch<C>, ...names: K[]): Batch<K> {
  for (const name of names) fieldIndex(batch, name);
  const kept = batch.record.schema.fields.flatMap((field, i) =>
    names.includes(field.name as K) ? [{ field, data: batch.record.data.children[i] as Data }] : [],
  );
  return assemble(
    kept.map((p) => p.field),
    kept.map((p) => p.data),
    batch.size,
    batch.info,
  );
}

/** True when a batch has a column of this name. */
export const hasColumn = <C extends string, N extends string>(batch: Batch<C>, name: N): batch is Batch<C | N> =>
  batch.record.schema.fields.some((field) => field.name === name);

function fieldIndex(batch: Batch<never>, name: string): number {
  const { fields } = batch.record.schema;
  const index = fields.findIndex((field) => field.name === name);
  if (index < 0) {
    const present = fields.map((field) => field.name).join(", ");
    throw new RangeError(`no column "${name}" in this batch; it has: ${present}`);
  }
  return index;
}

/** Returns the values of a column as a view on Arrow memory. @throws RangeError when there is no such column. */
export function column<C extends string>(batch: Batch<C>, name: C): Column {
  const index = fieldIndex(batch, name);
  const field = batch.record.schema.fields[index]!;
  const shape = JSON.parse(field.metadata.get(SHAPE) ?? "[]") as number[];
  // Arrow JS cuts the child's values when it slices a record, so no offset is added here.
  const values = batch.record.data.children[index]!.children[0]!.values as ColumnData;
  return { data: values.subarray(0, batch.size * product(shape)), shape };
}

/** Returns a float32 column. @throws TypeError when the column holds bytes. */
export function floats<C extends string>(batch: Batch<C>, name: C): Column<Float32Array> {
  const { data, shape } = column(batch, name);
  if (!(data instanceof Float32Array)) throw new TypeError(`column "${name}" holds bytes, expected float32`);
  return { data, shape };
}

/** Returns a uint8 column. @throws TypeError when the column holds floats. */
export function bytes<C extends string>(batch: Batch<C>, name: C): Column<Uint8Array> {
  const { data, shape } = column(batch, name);
  if (!(data instanceof Uint8Array)) throw new TypeError(`column "${name}" holds float32, expected bytes`);
  return { data, shape };
}

/** Writes the batch as an Arrow IPC stream, for use outside the process. */
export function toIPC(batch: Batch<never>): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.write(batch.record);
  writer.finish();
  return writer.toUint8Array(true);
}

/**
 * Reads the output of {@link toIPC}. The columns are views on `buffer` if it starts at a multiple of 8 bytes, and
 * copies otherwise.
 *
 * @throws RangeError when `buffer` is not exactly one batch.
 */
export function fromIPC<C extends string>(buffer: Uint8Array): Batch<C> {
  const records = readRecords(buffer);
  const record = records[0];
  // Taken from the record: at the end of the stream the reader drops its schema.
  const info = record?.schema.metadata.get(INFO);
  if (records.length !== 1 || !record || !info) {
    throw new RangeError(`expected an Arrow stream of one ScoreStream batch, got ${records.length} record batches`);
  }
  return { record, info: JSON.parse(info) as BatchInfo, size: record.numRows, columns: () => {} };
}

function readRecords(buffer: Uint8Array): RecordBatch[] {
  try {
    return [...RecordBatchReader.from(buffer)];
  } catch (error) {
    throw new RangeError(`not an Arrow stream of one ScoreStream batch: ${(error as Error).message}`, { cause: error });
  }
}
