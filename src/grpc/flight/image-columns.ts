/** Finds the columns of images and labels in a stream, and the rows of its batches. */
import { pixelsOf, type Shape } from "../../data/sources/source.ts";
import {
  FIXED_SIZE_LIST,
  INT,
  type BatchMessage,
  type FieldDescription,
  type SchemaMessage,
} from "../../data/formats/arrow-message.ts";

/** A column's place in the lists of nodes and of buffers. */
interface Place {
  readonly node: number;
  readonly buffer: number;
}

export interface ImageColumns {
  /** Pixels of an image. */
  readonly width: number;
  /** [H, W, C]; undefined where the server does not say. */
  readonly shape: Shape | undefined;
  readonly image: Place;
  readonly label: (Place & { readonly bits: number; readonly signed: boolean }) | undefined;
  /** Number of nodes in each batch. */
  readonly nodes: number;
  readonly buffers: number;
}

/** Rows of one batch. */
export interface ImageRows {
  readonly count: number;
  /** [count, H, W, C]; a view on the message. */
  readonly images: Uint8Array;
  /** [count]; absent without labels. */
  readonly labels?: Int32Array;
}

/** A shape in JSON, alone or as `shape` of the extension type for tensors. */
function readShape({ metadata }: FieldDescription, width: number): Shape | undefined {
  const extension = metadata.get("ARROW:extension:name") === "arrow.fixed_shape_tensor";
  const text = metadata.get("shape") ?? (extension ? metadata.get("ARROW:extension:metadata") : undefined);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as number[] | { readonly shape: number[]; readonly permutation?: number[] };
    if (!Array.isArray(value) && value.permutation) return undefined;
    const shape = Array.isArray(value) ? value : value.shape;
    if (shape.length === 3 && shape.every((n) => Number.isInteger(n) && n > 0) && pixelsOf(shape as never) === width) {
      return shape as unknown as Shape;
    }
  } catch {
    // Refused like a shape that does not fit.
  }
  throw new RangeError(`column "image" has ${width} values a row, which are no image of shape ${text.slice(0, 100)}`);
}

const isInt = ({ type, dictionary }: FieldDescription) => type === INT && !dictionary;

function isImage({ type, size, children: [item, ...more], dictionary }: FieldDescription): boolean {
  if (type !== FIXED_SIZE_LIST || size < 1 || dictionary || !item || more.length > 0) return false;
  return isInt(item) && item.size === 8 && !item.signed;
}

/**
 * Finds `image`, FixedSizeList<UInt8>, and `label`, integers, which may be absent; in any order.
 *
 * @throws RangeError naming the column that is missing, of another type, or not known.
 */
export function imageColumns({ fields }: SchemaMessage): ImageColumns {
  let [nodes, buffers] = [0, 0];
  let image: (Place & Pick<ImageColumns, "width" | "shape">) | undefined;
  let label: ImageColumns["label"];
  for (const field of fields) {
    const { name, size, signed } = field;
    if (name === "image" && !image) {
      if (!isImage(field)) throw new RangeError('column "image" is no fixed-size list of uint8');
      image = { node: nodes, buffer: buffers, width: size, shape: readShape(field, size) };
      [nodes, buffers] = [nodes + 2, buffers + 3];
    } else if (name === "label" && !label) {
      if (!isInt(field) || ![8, 16, 32, 64].includes(size)) throw new RangeError('column "label" is not of integers');
      label = { node: nodes, buffer: buffers, bits: size, signed };
      [nodes, buffers] = [nodes + 1, buffers + 2];
    } else throw new RangeError(`column "${name}" is not expected: images have "image" and may have "label"`);
  }
  if (!image) throw new RangeError('there is no column "image"');
  const { width, shape } = image;
  return { width, shape, image, label, nodes, buffers };
}

/** Bytes of a column's values, checked to be there and without nulls. */
function valuesOf(name: string, { rows, nodes, buffers }: BatchMessage, body: Uint8Array, at: Place, bytes: number) {
  const [length, nulls] = nodes[at.node]!;
  if (length !== rows) throw new RangeError(`column "${name}" has ${length} rows, the batch ${rows}`);
  if (nulls !== 0) throw new RangeError(`column "${name}" has ${nulls} nulls`);
  const [offset, size] = buffers[at.buffer]!;
  if (offset < 0 || size < bytes || offset + size > body.length) {
    throw new RangeError(
      `column "${name}" needs ${bytes} bytes, it has ${size} at ${offset} of a body of ${body.length}`,
    );
  }
  return body.subarray(offset, offset + bytes);
}

function readLabels(
  bytes: Uint8Array,
  count: number,
  { bits, signed }: NonNullable<ImageColumns["label"]>,
): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (i: number): number => {
    if (bits === 8) return signed ? view.getInt8(i) : view.getUint8(i);
    if (bits === 16) return signed ? view.getInt16(2 * i, true) : view.getUint16(2 * i, true);
    if (bits === 32) return signed ? view.getInt32(4 * i, true) : view.getUint32(4 * i, true);
    return Number(signed ? view.getBigInt64(8 * i, true) : view.getBigUint64(8 * i, true));
  };
  return Int32Array.from({ length: count }, (_, i) => {
    const label = read(i);
    if (label === (label | 0)) return label;
    throw new RangeError(`column "label" has ${label} in row ${i}, more than 32 bits hold`);
  });
}

/**
 * The rows of a batch; every length in it is checked.
 *
 * @param body What the message says lies in `body`.
 * @throws RangeError naming what does not hold together.
 */
export function imageRows(columns: ImageColumns, batch: BatchMessage, body: Uint8Array): ImageRows {
  const { width, image, label } = columns;
  const { rows, nodes, buffers, bodyLength } = batch;
  if (bodyLength !== body.length)
    throw new RangeError(`its body has ${body.length} bytes, its header says ${bodyLength}`);
  if (nodes.length !== columns.nodes || buffers.length !== columns.buffers) {
    throw new RangeError(
      `it has ${nodes.length} nodes and ${buffers.length} buffers, its schema ${columns.nodes} and ${columns.buffers}`,
    );
  }
  if (rows < 0) throw new RangeError(`it has ${rows} rows`);
  const [items, nulls] = nodes[image.node + 1]!;
  if (items !== rows * width || nulls !== 0) {
    throw new RangeError(`column "image" has ${items} values and ${nulls} nulls, expected ${rows} x ${width} and none`);
  }
  // The values of a list are its child's: behind the validity of both.
  const pixels = { node: image.node, buffer: image.buffer + 2 };
  const images = valuesOf("image", batch, body, pixels, rows * width);
  if (!label) return { count: rows, images };
  const values = { node: label.node, buffer: label.buffer + 1 };
  const bytes = valuesOf("label", batch, body, values, (rows * label.bits) / 8);
  return { count: rows, images, labels: readLabels(bytes, rows, label) };
}
