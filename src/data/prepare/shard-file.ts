import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import {
  Field,
  FixedSizeList,
  Int32,
  makeData,
  Message,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Uint8,
  type Data,
} from "apache-arrow";
import { writeFileAtomic } from "../formats/arrow-file.ts";
import { pixelsOf, type Shape } from "../sources/source.ts";

/** Images and labels of one shard. */
export interface ShardData {
  readonly shape: Shape;
  /** [N, H, W, C] */
  readonly images: Uint8Array;
  /** [N]; absent without labels. */
  readonly labels?: Int32Array | undefined;
}

/** Where the values of a shard lie in its file. */
export interface ShardLayout {
  readonly count: number;
  /** Pixels of an image. */
  readonly width: number;
  /** First byte of the images. */
  readonly images: number;
  /** First byte of the labels, int32. */
  readonly labels: number | undefined;
}

function imageColumn(images: Uint8Array, shape: Shape): { field: Field; data: Data } {
  const width = pixelsOf(shape);
  const values = makeData({ type: new Uint8(), length: images.length, nullCount: 0, data: images });
  const type = new FixedSizeList(width, new Field("item", new Uint8(), false));
  return {
    field: new Field("image", type, false, new Map([["shape", JSON.stringify(shape)]])),
    data: makeData({ type, length: images.length / width, nullCount: 0, child: values }),
  };
}

/**
 * Writes a shard as an Arrow IPC file of one record batch: `image` FixedSizeList<UInt8>[H*W*C], `label` Int32.
 *
 * Readers see all of the file or nothing.
 *
 * @returns Length and SHA-256 of the file.
 */
export async function writeShard(path: string, shard: ShardData): Promise<{ bytes: number; sha256: string }> {
  return hashedWhile(shard, (pieces) => writeFileAtomic(path, pieces));
}

/** Length and SHA-256 that the file of a shard would have, without writing it. */
export async function hashShard(shard: ShardData): Promise<{ bytes: number; sha256: string }> {
  return hashedWhile(shard, async (pieces) => {
    const iterator = pieces[Symbol.asyncIterator]();
    while (!(await iterator.next()).done);
  });
}

async function hashedWhile(
  shard: ShardData,
  use: (pieces: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<{ bytes: number; sha256: string }> {
  const { shape, images, labels } = shard;
  const columns = [imageColumn(images, shape)];
  if (labels) {
    const data = makeData({ type: new Int32(), length: labels.length, nullCount: 0, data: labels });
    columns.push({ field: new Field("label", new Int32(), false), data });
  }
  const fields = columns.map(({ field }) => field);
  const children = columns.map(({ data }) => data);
  const length = images.length / pixelsOf(shape);
  const batch = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  const writer = new RecordBatchFileWriter();
  writer.write(new RecordBatch(new Schema(fields), batch));
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

const HEAD = 1 << 16;
/** "ARROW1" and two bytes of padding. */
const MAGIC = 8;

/**
 * Finds the values of a shard without reading them: the file's first record batch says where its buffers are.
 *
 * @throws RangeError when the file is no shard.
 */
export function readLayout(path: string): ShardLayout {
  const head = new Uint8Array(HEAD);
  const file = openSync(path, "r");
  try {
    const length = readSync(file, head, 0, HEAD, 0);
    return parseLayout(head.subarray(0, length));
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw error;
    throw new RangeError(`${path}: not a shard: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

/**
 * Arrow JS puts the record batch right behind the magic (the schema is in the footer only): a marker and the length of
 * its metadata, 4 bytes each, the metadata, then the buffers.
 */
function parseLayout(head: Uint8Array): ShardLayout {
  if (new TextDecoder().decode(head.subarray(0, 6)) !== "ARROW1") throw new Error("no Arrow IPC file");
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const body = MAGIC + 8 + view.getInt32(MAGIC + 4, true);
  const message = body > head.length ? undefined : Message.decode(head.subarray(MAGIC + 8, body));
  if (!message?.isRecordBatch()) throw new Error("no record batch at its beginning");
  const { nodes, buffers } = message.header();
  // Nodes: lists, their items, labels. Buffers: validity of the lists, of the items, the items; validity, labels.
  const [count, items] = nodes.map(({ length }) => Number(length));
  if (!count || !items || nodes.length > 3) throw new Error("no images in it");
  const at = (i: number) => body + buffers[i]!.offset;
  return { count, width: items / count, images: at(2), labels: nodes.length === 3 ? at(4) : undefined };
}
