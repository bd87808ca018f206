import { createHash } from "node:crypto";
import {
  Field,
  FixedSizeList,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Uint8,
  type Data,
} from "apache-arrow";
import { writeFileAtomic } from "../formats/arrow-file.ts";
import { ArrowFileWriter } from "../formats/arrow-writer.ts";
import { imageField } from "../formats/image-field.ts";
import { featuresOf } from "../sources/hugging-face.ts";
import { pixelsOf, type Shape } from "../sources/source.ts";

/** Images and labels of one shard. */
export interface ShardData {
  readonly shape: Shape;
  /** [N, H, W, C] */
  readonly images: Uint8Array;
  /** [N]; absent without labels. */
  readonly labels?: Int32Array | undefined;
}

/** The form of shards that is written now; manifests that name none are of form 1. */
export const LAYOUT = 2;

/** Properties beside its images and labels that determine a shard's bytes. */
export interface ShardForm {
  /** 1: without the Schema message before the rows, the type of tensors, and features; 2: with them. */
  readonly layout: number;
  readonly classNames?: readonly string[] | undefined;
}

/** The schema, and what writes it, of layout 1. */
function plainSchema(shape: Shape, labels: readonly Field[]) {
  const list = new FixedSizeList(pixelsOf(shape), new Field("item", new Uint8(), false));
  const image = new Field("image", list, false, new Map([["shape", JSON.stringify(shape)]]));
  return { schema: new Schema([image, ...labels]), writer: new RecordBatchFileWriter() };
}

function schemaOf({ shape, labels }: ShardData, { layout, classNames }: ShardForm) {
  const fields = labels ? [new Field("label", new Int32(), false)] : [];
  if (layout === 1) return plainSchema(shape, fields);
  const features = new Map([["huggingface", featuresOf(shape, labels !== undefined, classNames)]]);
  return { schema: new Schema([imageField(shape), ...fields], features), writer: new ArrowFileWriter() };
}

/**
 * Writes a shard as an Arrow IPC file of one record batch: `image` FixedSizeList<UInt8>[H*W*C], `label` Int32.
 *
 * Readers see all of the file or nothing.
 *
 * @returns Length and SHA-256 of the file.
 */
export async function writeShard(
  path: string,
  shard: ShardData,
  form: ShardForm,
): Promise<{ bytes: number; sha256: string }> {
  return hashedWhile(shard, form, (pieces) => writeFileAtomic(path, pieces));
}

/** Length and SHA-256 that the file of a shard would have, without writing it. */
export async function hashShard(shard: ShardData, form: ShardForm): Promise<{ bytes: number; sha256: string }> {
  return hashedWhile(shard, form, async (pieces) => {
    const iterator = pieces[Symbol.asyncIterator]();
    while (!(await iterator.next()).done);
  });
}

/** The columns as Arrow keeps them; no value is copied. */
function columnsOf({ shape, images, labels }: ShardData, schema: Schema): Data[] {
  const values = makeData({ type: new Uint8(), length: images.length, nullCount: 0, data: images });
  const type = schema.fields[0]!.type as FixedSizeList<Uint8>;
  const image = makeData({ type, length: images.length / pixelsOf(shape), nullCount: 0, child: values });
  if (!labels) return [image];
  return [image, makeData({ type: new Int32(), length: labels.length, nullCount: 0, data: labels })];
}

async function hashedWhile(
  shard: ShardData,
  form: ShardForm,
  use: (pieces: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<{ bytes: number; sha256: string }> {
  const { schema, writer } = schemaOf(shard, form);
  const children = columnsOf(shard, schema);
  const { length } = children[0]!;
  const rows = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
  writer.write(new RecordBatch(schema, rows));
  writer.finish();
  const hash = createHash("sha256");
  let bytes = 0;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of writer as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  await use(hashed());
  return { bytes, sha256: hash.digest("hex") };
}
