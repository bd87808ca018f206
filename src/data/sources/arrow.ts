import { open, type FileHandle } from "node:fs/promises";
import {
  DataType,
  RecordBatchReader,
  type AsyncRecordBatchFileReader,
  type Field,
  type RecordBatch,
  type Schema,
  type Vector,
} from "apache-arrow";
import { UsageError } from "../../base/errors.ts";
import { soundFooter, soundStream, type SoundFooter } from "../formats/arrow-ipc-check.ts";
import { requireSoundBatch } from "./arrow-batch.ts";
import { pixelColumn, pixelValues, plain, type PixelColumn } from "./arrow-pixels.ts";
import { BadDataError, badEntry, damaged } from "./bad-data.ts";
import { cellEntry, columnNames, labelOf, otherColumns } from "./cell.ts";
import { registerArrowCodecs } from "./codecs.ts";
import { fitPicture } from "./decode-image.ts";
import { FILE_NAMES } from "./file-names.ts";
import { findSplit } from "./find-files.ts";
import { namesOfClasses } from "./hugging-face.ts";
import type { SourceOptions } from "./options.ts";
import { arranged } from "./planes.ts";
import type { SampleType } from "./samples.ts";
import { pixelsOf, type SourceEntry, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

registerArrowCodecs();

/** The columns of images and labels and, for pixels, their layout. */
interface Columns {
  readonly image: string;
  readonly label: string | undefined;
  readonly pixels: PixelColumn | undefined;
  /** Type of pixels in lists, where they are no integers. */
  readonly type: SampleType | undefined;
}

/** The type of what is in the lists of a column, where it is no integer. */
function leafType({ type }: Field): SampleType | undefined {
  const inner = (type as DataType).children?.[0] as Field | undefined;
  if (inner && !DataType.isStruct(type)) return leafType(inner);
  return DataType.isFloat(type) ? "float64" : DataType.isBool(type) ? "bool" : undefined;
}

function columnsOf(path: string, { fields }: Schema, options: SourceOptions): Columns {
  const names = columnNames(path, fields.map(({ name }) => name), options); // prettier-ignore
  const field = fields.find(({ name }) => name === names.image)!;
  const type = DataType.isDictionary(field.type) ? (field.type.dictionary as DataType) : (field.type as DataType);
  const pixels = pixelColumn(path, field, options);
  const encoded = [
    DataType.isStruct,
    DataType.isBinary,
    DataType.isLargeBinary,
    DataType.isBinaryView,
    DataType.isUtf8,
    DataType.isLargeUtf8,
  ];
  const taken = [...encoded, DataType.isList, DataType.isLargeList].some((is) => is(type));
  if (pixels || taken) return { ...names, pixels, type: leafType(field) };
  throw new UsageError(
    `${path}: column "${field.name}" is ${String(type)}`,
    "images are pixels in lists of uint8, or encoded, as bytes or {bytes, path}",
  );
}

function* batchEntries(
  path: string,
  first: number,
  batch: RecordBatch,
  { image, label, pixels, type }: Columns,
  options: SourceOptions,
): Generator<SourceEntry> {
  const images = batch.getChild(image)!;
  const labels = label === undefined ? undefined : (batch.getChild(label) as Vector | null);
  const values = pixels && pixelValues(images);
  for (let i = 0; i < batch.numRows; i++) {
    const name = `${path}: row ${first + i}`;
    const value = labels?.get(i) as unknown;
    if (!pixels || !values || !images.isValid(i)) yield cellEntry(name, plain(images.get(i)), value, options, type);
    else {
      const { shape, dims, order } = pixels;
      const row = values.subarray(i * pixelsOf(shape), (i + 1) * pixelsOf(shape));
      const load = () => fitPicture(arranged(row, dims, order), name, options);
      yield { name, ...labelOf(name, value), load };
    }
  }
}

const MAGIC = "ARROW1";

/**
 * True for a file, which begins and ends with a mark; false for a stream, which begins without it.
 *
 * @throws BadDataError when a file lacks its end.
 */
async function isArrowFile(path: string, file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  const mark = async (at: number) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, Math.max(0, at));
    return buffer.toString("latin1", 0, bytesRead);
  };
  if (size === 0) throw new BadDataError(path, "empty", { whole: true });
  if ((await mark(0)) !== MAGIC) return false;
  if ((await mark(size - MAGIC.length)) === MAGIC) return true;
  throw new BadDataError(path, `cut short: ${size} bytes without the footer of an Arrow file`, { whole: true });
}

/**
 * The record batches of a file by their number: the reader's iterator (apache-arrow 21.2.0) asks for the same batch for
 * ever where the footer points at another message.
 *
 * @throws RangeError when one is not where the footer says.
 */
async function* fileBatches(reader: AsyncRecordBatchFileReader, footer: SoundFooter): AsyncGenerator<RecordBatch> {
  for (let i = 0; i < reader.numRecordBatches; i++) {
    await footer.requireBatch(i);
    const batch = await reader.readRecordBatch(i);
    if (!batch) throw new RangeError(`its footer says where record batch ${i} is, and it is not there`);
    yield batch;
  }
}

/** The record batches of a stream, each checked before it is read. */
async function* streamBatches(
  reader: AsyncIterable<RecordBatch>,
  messages: ReturnType<typeof soundStream>,
): AsyncGenerator<RecordBatch> {
  const batches = reader[Symbol.asyncIterator]();
  while (await messages.next()) {
    const next = await batches.next();
    if (next.done) return;
    yield next.value;
  }
}

/** Schema and record batches, one in memory at a time. The bytes of a stream are given once, so that none is read anew. */
async function readBatches(path: string, file: FileHandle) {
  if (await isArrowFile(path, file)) {
    const footer = await soundFooter(file);
    const reader = (await (await RecordBatchReader.from(file)).open()) as AsyncRecordBatchFileReader;
    return { schema: reader.schema, batches: fileBatches(reader, footer), end: () => {} };
  }
  const messages = soundStream(file);
  await messages.schema();
  const stream = file.createReadStream({ start: 0, autoClose: false });
  const reader = await (await RecordBatchReader.from(stream)).open();
  return { schema: reader.schema, batches: streamBatches(reader, messages), end: () => stream.destroy() };
}

/**
 * Reads from the schema what holds for the whole data set. Returns nothing where it cannot be read; the images will
 * report that.
 */
async function toldBySchema(path: string | undefined, options: SourceOptions) {
  const nothing = { others: [], classNames: undefined };
  if (path === undefined) return nothing;
  const file = await open(path);
  try {
    const { schema, end } = await readBatches(path, file);
    end();
    const present = schema.fields.map(({ name }) => name);
    const names = columnNames(path, present, options);
    const classNames = namesOfClasses(schema.metadata.get("huggingface"), names.label);
    return { others: otherColumns(present, names), classNames };
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw error;
    return nothing;
  } finally {
    await file.close();
  }
}

/** The images of one file; where it is damaged, a bad entry is the last. */
async function* arrowEntries(path: string, options: SourceOptions): AsyncGenerator<SourceEntry> {
  const file = await open(path);
  let row = 0;
  try {
    const { schema, batches } = await readBatches(path, file);
    const columns = columnsOf(path, schema, options);
    for await (const batch of batches) {
      requireSoundBatch(batch);
      yield* batchEntries(path, row, batch, columns, options);
      row += batch.numRows;
    }
  } catch (error) {
    if (error instanceof UsageError && !(error instanceof BadDataError)) throw error;
    yield badEntry(damaged(`${path}: row ${row}`, error, { whole: true }));
  } finally {
    await file.close();
  }
}

/**
 * Arrow IPC files and streams, packed or not. The images are FixedSizeList<UInt8> with their shape [H, W, C] in the
 * field's metadata, as this program writes them; tensors of the extension type of that name; lists of lists of pixels;
 * or encoded, as bytes or as {bytes, path}, which the Hugging Face cache has. "label" has the classes if there are any.
 *
 * @throws UsageError when there is no such file or column.
 */
export async function openArrow(options: SourceOptions): Promise<Source> {
  const { paths, faults, passedOver } = await findSplit(options, FILE_NAMES.arrow, ".arrow files");
  const { others, classNames } = await toldBySchema(paths[0], options);
  return {
    format: "arrow",
    split: options.split,
    files: await Promise.all(paths.map(stampOf)),
    classNames,
    passedOver: [...passedOver, ...others],
    async *entries() {
      for (const path of paths) yield* arrowEntries(path, options);
      for (const fault of faults) yield badEntry(fault);
    },
  };
}
