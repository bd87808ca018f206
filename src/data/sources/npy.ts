import { BadDataError } from "./bad-data.ts";
import type { ByteReader } from "./byte-reader.ts";
import { MAX_LABELS } from "./limits.ts";

/** What stands before the values of an .npy file. */
export interface NpyHeader {
  /** As NumPy writes it: "|u1", "<i8" ... */
  readonly type: string;
  /** Bytes of one value. */
  readonly width: number;
  readonly shape: readonly number[];
}

/**
 * Reads the header of an .npy file; the values follow in C order.
 *
 * @throws BadDataError when it is damaged, in Fortran order, or of a type that has no fixed width.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export async function readNpyHeader(reader: ByteReader): Promise<NpyHeader> {
  const fault = (reason: string) => new BadDataError(reader.where, reason);
  const start = await reader.take(8);
  if (start[0] !== 0x93 || Buffer.from(start.subarray(1, 6)).toString("latin1") !== "NUMPY") {
    throw fault("not an .npy file");
  }
  const wide = start[6]! > 1;
  const lengthBytes = Buffer.from(await reader.take(wide ? 4 : 2));
  const length = wide ? lengthBytes.readUInt32LE() : lengthBytes.readUInt16LE();
  if (length > 65_536) throw fault(`its header of ${length} bytes is too long`);
  const text = Buffer.from(await reader.take(length)).toString("latin1");
  const type = /'descr':\s*'([^']+)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const width = Number(/^[<>|]?[biuf](\d)$/.exec(type ?? "")?.[1]);
  if (type === undefined || shape === undefined || !width) throw fault(`its header is not understood: ${text.trim()}`);
  if (fortran !== "False") throw fault("in Fortran order; save it with numpy.ascontiguousarray(array)");
  const sizes = shape.split(",").filter((part) => part.trim() !== "");
  return { type, width, shape: sizes.map(Number) };
}

const READERS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  u1: (view, at) => view.getUint8(at),
  b1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at) => view.getUint16(at, true),
  i2: (view, at) => view.getInt16(at, true),
  u4: (view, at) => view.getUint32(at, true),
  i4: (view, at) => view.getInt32(at, true),
  u8: (view, at) => Number(view.getBigUint64(at, true)),
  i8: (view, at) => Number(view.getBigInt64(at, true)),
  f4: (view, at) => view.getFloat32(at, true),
  f8: (view, at) => view.getFloat64(at, true),
};

/** The values of a small array, such as labels. @throws BadDataError when they are cut short or of another type. */
export async function readNpyNumbers(reader: ByteReader, { type, width, shape }: NpyHeader): Promise<number[]> {
  const read = type.startsWith(">") ? undefined : READERS[type.replace(/^[<|]/, "")];
  if (!read) throw new BadDataError(reader.where, `values of type ${type} are not supported`);
  const count = shape.reduce((a, b) => a * b, 1);
  if (count > MAX_LABELS) throw new BadDataError(reader.where, `${count} values are too many`);
  const bytes = await reader.take(count * width);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => read(view, i * width));
}
