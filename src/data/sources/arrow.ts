import { open } from "node:fs/promises";
import { DataType, RecordBatchReader, type RecordBatch, type Schema, type Vector } from "apache-arrow";
import { UsageError } from "../../errors.ts";
import { badEntry, damaged } from "./bad-data.ts";
import { cellEntry, imageNames, labelNames } from "./cell.ts";
import { fitPicture } from "./decode-image.ts";
import { filesOfSplit, findFiles } from "./find-files.ts";
import type { SourceOptions } from "./options.ts";
import { pixelsOf, type Entry, type Shape, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

/** Where images and labels are, and, for pixels, their shape. */
interface Columns {
  readonly image: string;
  readonly label: string | undefined;
  readonly shape: Shape | undefined;
}

function columnsOf(path: string, { fields }: Schema): Columns {
  const names = fields.map(({ name }) => name);
  const image = imageNames.find((name) => names.includes(name));
  const field = fields.find(({ name }) => name === image);
  if (image === undefined || !field) {
    const found = fields.map(({ name, type }) => `${name} (${type})`).join(", ") || "none";
    throw new UsageError(`${path}: expected a column ${imageNames.join(" or ")}, found ${found}`, "rename the column");
  }
  const label = labelNames.find((name) => names.includes(name));
  if (DataType.isStruct(field.type) || DataType.isBinary(field.type)) return { image, label, shape: undefined };
  const type = field.type as {
    listSize?: number;
    children?: readonly { readonly type: { readonly bitWidth?: number } }[];
  };
  const shape = JSON.parse(field.metadata.get("shape") ?? "[]") as number[];
  const bytes = DataType.isFixedSizeList(field.type) && type.children?.[0]?.type.bitWidth === 8;
  if (!bytes || shape.length !== 3 || shape.reduce((a, b) => a * b, 1) !== type.listSize) {
    throw new UsageError(
      `${path}: column "${image}" is ${field.type}, shape [${shape.join(", ")}]`,
      'it must be FixedSizeList<UInt8> with the metadata "shape" [H, W, C], or encoded images as {bytes, path}',
    );
  }
  return { image, label, shape: shape as unknown as Shape };
}

function* batchEntries(
  path: string,
  first: number,
  batch: RecordBatch,
  columns: Columns,
  options: SourceOptions,
): Generator<Entry> {
  const { image, label, shape } = columns;
  const images = batch.getChild(image)!;
  const labels = label === undefined ? undefined : (batch.getChild(label) as Vector | null);
  const pixels = shape && (images.data[0]!.children[0]!.values as Uint8Array);
  for (let i = 0; i < batch.numRows; i++) {
    const name = `${path}: row ${first + i}`;
    const value = labels?.get(i) as unknown;
    if (!shape || !pixels) {
      const cell = images.get(i) as { toJSON?: () => unknown } | null;
      yield cellEntry(name, cell instanceof Uint8Array ? cell : cell?.toJSON?.(), value, options);
    } else {
      const data = pixels.subarray(i * pixelsOf(shape), (i + 1) * pixelsOf(shape));
      const given = value === undefined || value === null ? {} : { label: Number(value) };
      yield { name, ...given, load: () => fitPicture({ data, shape }, name, options) };
    }
  }
}

/** Record batches of one file, one in memory at a time; where it is damaged, a bad entry is the last. */
async function* arrowEntries(path: string, options: SourceOptions): AsyncGenerator<Entry> {
  const file = await open(path);
  let row = 0;
  try {
    const reader = await (await RecordBatchReader.from(file)).open();
    const columns = columnsOf(path, reader.schema);
    for await (const batch of reader as AsyncIterable<RecordBatch>) {
      yield* batchEntries(path, row, batch, columns, options);
      row += batch.numRows;
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    yield badEntry(damaged(`${path}: row ${row}`, error, { whole: true }));
  } finally {
    await file.close();
  }
}

/**
 * Arrow IPC files and streams: column "image" as FixedSizeList<UInt8> with its shape [H, W, C] in the field's metadata,
 * as this program writes them, or as {bytes, path} as the Hugging Face cache has them; "label" if there are labels.
 *
 * @throws UsageError when there is no such file or column.
 */
export async function openArrow(options: SourceOptions): Promise<Source> {
  const found = await findFiles(options.path, (name) => /\.arrows?$|\.feather$/.test(name), ".arrow files");
  const paths = filesOfSplit(found, options.split);
  return {
    format: "arrow",
    split: options.split,
    files: await Promise.all(paths.map(stampOf)),
    async *entries() {
      for (const path of paths) yield* arrowEntries(path, options);
    },
  };
}
