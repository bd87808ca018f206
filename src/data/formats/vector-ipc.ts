/**
 * Pieces of flat vectors as Arrow IPC streams of one record batch with one column, `values`.
 *
 * The framing of a piece is a function of its length and type: a reader compares it with its own, byte for byte, and
 * follows no description that came from outside (Arrow JS trusts them, and can be made to fill the memory).
 */
import {
  Field,
  Float32,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Uint16,
  Uint8,
  type Data,
} from "apache-arrow";

export type Piece = Float32Array | Uint16Array | Uint8Array;
export type PieceType = "float32" | "uint16" | "uint8";

/** The bytes before and after the values. */
interface Framing {
  readonly head: Uint8Array;
  /** Zeros, so that what follows is aligned, and the end of the stream. */
  readonly tail: Uint8Array;
}

/** Continuation mark and length 0. */
const END_OF_STREAM = 8;
const ALIGNMENT = 8;
/** Bytes of an element. */
export const WIDTH = { float32: 4, uint16: 2, uint8: 1 } as const;
const ARRAYS = { float32: Float32Array, uint16: Uint16Array, uint8: Uint8Array } as const;
const TYPES = { float32: Float32, uint16: Uint16, uint8: Uint8 } as const;

const framings = new Map<string, Framing>();
/** Pieces of a vector are all of one length but the last. */
const CACHED = 256;

function write(values: Piece): Uint8Array {
  const type = new TYPES[typeOf(values)]();
  const field = new Field("values", type, false);
  const child = makeData({ type, length: values.length, nullCount: 0, data: values } as never) as Data;
  const data = makeData({ type: new Struct([field]), length: values.length, nullCount: 0, children: [child] });
  const writer = new RecordBatchStreamWriter();
  writer.write(new RecordBatch(new Schema([field]), data));
  writer.finish();
  return writer.toUint8Array(true);
}

function framing(type: PieceType, length: number): Framing {
  const key = `${type}/${length}`;
  const known = framings.get(key);
  if (known) return known;
  const bytes = write(new ARRAYS[type](length));
  const size = length * WIDTH[type];
  const end = bytes.length - END_OF_STREAM - (-size & (ALIGNMENT - 1));
  const made = { head: bytes.slice(0, end - size), tail: bytes.slice(end) };
  if (framings.size >= CACHED) framings.clear();
  framings.set(key, made);
  return made;
}

export function typeOf(values: Piece): PieceType {
  if (values instanceof Float32Array) return "float32";
  return values instanceof Uint16Array ? "uint16" : "uint8";
}
const bytesOf = (values: Piece) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/**
 * An Arrow IPC stream of the values, at least one.
 *
 * @param out Where it goes, of {@link pieceSize} bytes.
 */
export function pieceToIPC(
  values: Piece,
  out: Uint8Array = new Uint8Array(pieceSize(typeOf(values), values.length)),
): Uint8Array {
  const { head, tail } = framing(typeOf(values), values.length);
  out.set(head);
  out.set(bytesOf(values), head.length);
  out.set(tail, head.length + values.byteLength);
  return out;
}

/** Bytes of {@link pieceToIPC} for that many values. */
export function pieceSize(type: PieceType, length: number): number {
  const { head, tail } = framing(type, length);
  return head.length + length * WIDTH[type] + tail.length;
}

/** The bytes of the values in what {@link pieceToIPC} gave. @throws RangeError when it is not such a stream. */
export function valuesIn(bytes: Uint8Array, type: PieceType, length: number): Uint8Array {
  const { head, tail } = framing(type, length);
  const end = head.length + length * WIDTH[type];
  const frames = [
    [bytes.subarray(0, head.length), head],
    [bytes.subarray(end), tail],
  ] as const;
  if (frames.some(([got, wanted]) => Buffer.compare(got, wanted) !== 0)) {
    throw new RangeError(`${bytes.length} bytes are no Arrow stream of ${length} ${type} values`);
  }
  return bytes.subarray(head.length, end);
}

/** The same read into `values`, whose type and length are those that are expected. */
export function pieceFromIPC<T extends Piece>(bytes: Uint8Array, values: T): T {
  bytesOf(values).set(valuesIn(bytes, typeOf(values), values.length));
  return values;
}
