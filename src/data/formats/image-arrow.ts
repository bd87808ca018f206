import { AsyncByteQueue, makeData, RecordBatch, Schema, Struct, Uint8 } from "apache-arrow";
import { ArrowFileWriter } from "./arrow-writer.ts";
import { imageField } from "./image-field.ts";

/** Keeps what a writer has written until it is taken. */
class Written extends AsyncByteQueue {
  #pieces: Uint8Array[] = [];

  override write(piece: Uint8Array): void {
    this.#pieces.push(piece);
  }

  take(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}

/**
 * The pieces of an Arrow IPC file with the column `image`, FixedSizeList<UInt8>[H*W*C]: one record batch for each piece
 * of images, so that no more than that is in memory.
 *
 * @param shape [H, W, C].
 * @param images [n, H, W, C] each time.
 */
export function* imageArrowPieces(
  shape: readonly [number, number, number],
  images: Iterable<Uint8Array>,
): Generator<Uint8Array, void, void> {
  const width = shape[0] * shape[1] * shape[2];
  const fields = [imageField(shape)];
  const { type } = fields[0]!;
  const schema = new Schema(fields);
  const written = new Written();
  const writer = new ArrowFileWriter();
  writer.reset(written);
  for (const data of images) {
    const length = data.length / width;
    const values = makeData({ type: new Uint8(), length: data.length, nullCount: 0, data });
    const column = makeData({ type, length, nullCount: 0, child: values });
    const rows = makeData({ type: new Struct(fields), length, nullCount: 0, children: [column] });
    writer.write(new RecordBatch(schema, rows));
    yield* written.take();
  }
  writer.finish();
  yield* written.take();
}
