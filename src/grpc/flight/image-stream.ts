/** The messages that images are sent in: Arrow JS writes their descriptions, the rows are put in behind them. */
import {
  Field,
  FixedSizeList,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Uint8,
  type Data,
} from "apache-arrow";
import { imageField } from "../../data/formats/image-field.ts";
import { pixelsOf, type Shape } from "../../data/sources/source.ts";
import { readArrowMessage, unwrapMessage } from "../../data/formats/arrow-message.ts";

/** Layout of a batch of so many rows. */
export interface BatchLayout {
  readonly rows: number;
  /** The flatbuffer of its message. */
  readonly header: Uint8Array;
  readonly bodyLength: number;
  /** First byte of the pixels in the body. */
  readonly images: number;
  /** First byte of the labels, int32; absent without labels. */
  readonly labels: number | undefined;
}

export interface ImageStream {
  /** The schema as an encapsulated message: mark, length, header. */
  readonly schema: Uint8Array;
  /** The header alone. */
  readonly schemaHeader: Uint8Array;
  layout(rows: number): BatchLayout;
}

/** `image` FixedSizeList<UInt8>[H*W*C], for PyArrow a tensor of its shape; `label` Int32. */
function imageSchema(shape: Shape, labelled: boolean): Schema {
  const image = imageField(shape);
  return new Schema(labelled ? [image, new Field("label", new Int32(), false)] : [image]);
}

/** A batch whose values are 0. */
function blank(schema: Schema, rows: number, width: number): RecordBatch {
  const children = schema.fields.map(({ type }): Data => {
    if (!(type instanceof FixedSizeList)) {
      return makeData({ type: new Int32(), length: rows, nullCount: 0, data: new Int32Array(rows) });
    }
    const length = rows * width;
    const child = makeData({ type: new Uint8(), length, nullCount: 0, data: new Uint8Array(length) });
    return makeData({ type, length: rows, nullCount: 0, child } as never);
  });
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }));
}

/** Length of mark and length. */
const PREFIX = 8;

/** The encapsulated message at the beginning of an IPC stream, and what follows its body. */
function split(stream: Uint8Array): { message: Uint8Array; header: Uint8Array; rest: Uint8Array } {
  const header = unwrapMessage(stream);
  const end = PREFIX + header.length;
  const { bodyLength } = readArrowMessage(header);
  return { message: stream.slice(0, end), header: header.slice(), rest: stream.subarray(end + bodyLength) };
}

function write(batch: RecordBatch) {
  const writer = new RecordBatchStreamWriter();
  writer.write(batch);
  writer.finish();
  const first = split(writer.toUint8Array(true));
  return { schema: first.message, schemaHeader: first.header, batchHeader: split(first.rest).header };
}

/** The stream of images of one shape. */
export function imageStream(shape: Shape, labelled: boolean): ImageStream {
  const schema = imageSchema(shape, labelled);
  const width = pixelsOf(shape);
  const { schema: message, schemaHeader } = write(blank(schema, 1, width));
  /** All batches but the last of a range have the same number of rows. */
  let newest: BatchLayout | undefined;
  return {
    schema: message,
    schemaHeader,
    layout(rows) {
      if (newest?.rows === rows) return newest;
      const header = write(blank(schema, rows, width)).batchHeader;
      const batch = readArrowMessage(header);
      if (batch.kind !== "batch") throw new Error("Arrow JS wrote no record batch");
      // Buffers: validity of the lists, of their items, the items; validity of the labels, the labels.
      const { bodyLength, buffers } = batch;
      newest = { rows, header, bodyLength, images: buffers[2]![0], labels: buffers[4]?.[0] };
      return newest;
    },
  };
}
