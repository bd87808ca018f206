import { halfToNumber } from "../formats/half.ts";
import { BadDataError } from "./bad-data.ts";
import type { ByteReader } from "./byte-reader.ts";
import { MAX_LABELS } from "./limits.ts";
import type { SampleType } from "./samples.ts";

/** The header before the values of an .npy file. */
export interface NpyHeader {
  /** NumPy's name of the type: "|u1", "<i8" ... */
  readonly type: string;
  /** Bytes of one value. */
  readonly width: number;
  readonly shape: readonly number[];
}

/** An array of strings, objects and so on. */
export class UnreadTypeError extends BadDataError {
  /** NumPy's name of the type. */
  readonly type: string;

  constructor(where: string, type: string) {
    super(where, `its values are of type ${type}, which is not read`, { remedy: "save it as numpy.uint8, 0..255" });
    this.type = type;
  }
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
  const shape = /'shape':\s*\(([\dL,\s]*)\)/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const width = Number(/^[<>|=]?(?:[iu][1248]|f[248]|b1)$/.test(type ?? "") ? type!.at(-1) : NaN);
  if (type === undefined || shape === undefined) throw fault(`its header is not understood: ${text.trim()}`);
  if (!width) throw new UnreadTypeError(reader.where, type);
  const parts = shape.split(",").filter((part) => part.trim() !== "");
  // Lengths end in L where Python 2 wrote them.
  const sizes = parts.map((size) => Number(size.replace(/L\s*$/, "")));
  // Where one axis alone is longer than 1, such as that of labels, both orders are the same.
  const isOrdered = fortran === "True" && sizes.filter((size) => size > 1).length < 2;
  if (fortran !== "False" && !isOrdered) {
    const remedy = "save it with numpy.ascontiguousarray(array)";
    throw new BadDataError(reader.where, "in Fortran order, columns first", { remedy });
  }
  return { type, width, shape: sizes };
}

const READERS: Readonly<Record<string, (view: DataView, at: number, little: boolean) => number>> = {
  u1: (view, at) => view.getUint8(at),
  b1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  i2: (view, at, little) => view.getInt16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  f2: (view, at, little) => halfToNumber(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
};

const KINDS: Readonly<Record<string, string>> = { u: "uint", i: "int", f: "float" };

/** The type by NumPy's name of it: "|u1" is uint8. */
export function sampleTypeOf({ type, width }: NpyHeader): SampleType {
  const kind = type.replace(/^[<>|=]/, "")[0]!;
  return kind === "b" ? "bool" : (`${KINDS[kind]}${8 * width}` as SampleType);
}

/** The numbers in the bytes of an array; bytes are given as they are. */
export function npyNumbers(bytes: Uint8Array, { type, width }: NpyHeader): ArrayLike<number> {
  const code = type.replace(/^[<>|=]/, "");
  if (code === "u1") return bytes;
  const [read, little] = [READERS[code]!, !type.startsWith(">")];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / width }, (_, i) => read(view, i * width, little));
}

/** The values of a small array, such as labels. @throws BadDataError when they are cut short or too many. */
export async function readNpyNumbers(reader: ByteReader, header: NpyHeader): Promise<number[]> {
  const count = header.shape.reduce((a, b) => a * b, 1);
  if (count > MAX_LABELS) throw new BadDataError(reader.where, `${count} values are too many`);
  return Array.from(npyNumbers(await reader.take(count * header.width), header));
}
