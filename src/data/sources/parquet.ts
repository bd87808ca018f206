import { open, type FileHandle } from "node:fs/promises";
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntry, badEntryOf, damaged, openEach, readable } from "./bad-data.ts";
import { cellEntry, columnNames, otherColumns } from "./cell.ts";
import { parquetCompressors as compressors } from "./codecs.ts";
import { FILE_NAMES } from "./file-names.ts";
import { findSplit } from "./find-files.ts";
import type { SourceOptions } from "./options.ts";
import { namesOfClasses } from "./hugging-face.ts";
import { requireSmallPages } from "./parquet-pages.ts";
import type { PassedOver } from "./passed-over.ts";
import type { SampleType } from "./samples.ts";
import type { SourceEntry, Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

interface ParquetFile {
  readonly path: string;
  readonly metadata: FileMetaData;
  readonly image: string;
  readonly label: string | undefined;
  readonly rows: number;
  /** Type of the pixels in lists, where they are no integers. */
  readonly type: SampleType | undefined;
  readonly classNames: readonly string[] | undefined;
  readonly others: readonly PassedOver[];
}

const TYPES: Readonly<Record<string, SampleType>> = { FLOAT: "float32", DOUBLE: "float64", BOOLEAN: "bool" };

/** The type of the first column below a name at the top. */
function typeOf({ row_groups }: FileMetaData, name: string): SampleType | undefined {
  const [column] = row_groups[0]?.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === name) ?? [];
  return TYPES[column?.meta_data?.type ?? ""];
}

/** The reader's interface to a file. */
async function bufferOf(file: FileHandle): Promise<AsyncBuffer> {
  const { size } = await file.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      if (bytesRead < bytes.length) throw new RangeError(`cut short at byte ${start + bytesRead}`);
      return bytes.buffer;
    },
  };
}

/** Names of the columns at the top, in order. */
function topNames({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let child = 0; child < (schema[at]?.num_children ?? 0); child++) next = skip(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = skip(at)) names.push(schema[at]!.name);
  return names;
}

async function readFooter(path: string, options: SourceOptions): Promise<ParquetFile> {
  const file = await open(path);
  try {
    const metadata = await parquetMetadataAsync(await bufferOf(file));
    if (!metadata.row_groups.every(({ columns }) => Array.isArray(columns))) {
      throw new RangeError("a row group has no columns");
    }
    const present = topNames(metadata);
    const names = columnNames(path, present, options);
    const told = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
    const classNames = namesOfClasses(told, names.label);
    return {
      path,
      metadata,
      ...names,
      rows: Number(metadata.num_rows),
      type: typeOf(metadata, names.image),
      classNames,
      others: otherColumns(present, names),
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw damaged(path, error);
  } finally {
    await file.close();
  }
}

type Cells = Record<string, unknown>[];

/** The wanted columns of a row group. @throws BadDataError when it is damaged, or would take too much memory. */
async function readGroup(parquet: ParquetFile, file: AsyncBuffer, group: number, rowStart: number): Promise<Cells> {
  const { path, metadata, image, label } = parquet;
  const columns = [image, ...(label === undefined ? [] : [label])];
  const rowEnd = rowStart + Number(metadata.row_groups[group]!.num_rows);
  const where = `${path}: row ${rowStart}, row group ${group}`;
  const wanted = metadata.row_groups[group]!.columns.flatMap(({ meta_data }) =>
    meta_data && columns.includes(meta_data.path_in_schema[0]!) ? [meta_data] : [],
  );
  const lost = rowEnd - rowStart;
  try {
    await requireSmallPages(file, wanted, lost);
    return await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors, utf8: false });
  } catch (error) {
    throw damaged(where, error, { lost });
  }
}

/** Rows of a file, one row group in memory at a time; a damaged group is one bad entry in the place of its rows. */
async function* parquetEntries(parquet: ParquetFile, options: SourceOptions): AsyncGenerator<SourceEntry> {
  const { path, metadata, image, label } = parquet;
  const file = await open(path);
  try {
    const buffer = await bufferOf(file);
    let row = 0;
    for (const [group, { num_rows }] of metadata.row_groups.entries()) {
      const cells = await readGroup(parquet, buffer, group, row).catch(badEntryOf);
      if (!Array.isArray(cells)) yield cells;
      else {
        for (const [i, cell] of cells.entries()) {
          const value = label === undefined ? undefined : cell[label];
          yield cellEntry(`${path}: row ${row + i}`, cell[image], value, options, parquet.type);
        }
      }
      row += Number(num_rows);
    }
  } finally {
    await file.close();
  }
}

/**
 * Parquet files as Hugging Face data sets have them: a column "image" or "img" of {bytes, path}, of bytes, or of pixels
 * in nested lists, and perhaps "label".
 *
 * In a folder those of the split are read, such as `train-00000-of-00002.parquet`, or all when no name tells a split.
 *
 * @throws UsageError when there is no such file or column.
 */
export async function openParquet(options: SourceOptions): Promise<Source> {
  const { split } = options;
  const { paths, faults, passedOver } = await findSplit(options, FILE_NAMES.parquet, ".parquet files");
  const files = await openEach(paths, (path) => readFooter(path, options), options.skipBad);
  return {
    format: "parquet",
    split,
    length: readable(files).reduce((sum, { rows }) => sum + rows, 0),
    classNames: readable(files)[0]?.classNames,
    files: await Promise.all(paths.map(stampOf)),
    passedOver: [...passedOver, ...(readable(files)[0]?.others ?? [])],
    async *entries() {
      for (const file of [...files, ...faults]) {
        if (file instanceof BadDataError) yield badEntry(file);
        else yield* parquetEntries(file, options);
      }
    },
  };
}
