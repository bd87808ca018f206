/** Arrays in NumPy's npy format: a magic word, a Python dictionary, the values. */
import { UsageError } from "../../base/errors.ts";

const ARRAYS = {
  f8: Float64Array,
  f4: Float32Array,
  i8: BigInt64Array,
  i4: Int32Array,
  i2: Int16Array,
  i1: Int8Array,
  u8: BigUint64Array,
  u4: Uint32Array,
  u2: Uint16Array,
  u1: Uint8Array,
  b1: Uint8Array,
} as const;

type Code = keyof typeof ARRAYS;
export type NpyData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

export interface NpyArray {
  readonly shape: readonly number[];
  /** Flat, in row-major order; flags are read as 0 and 1. */
  readonly data: NpyData;
}

const MAGIC = "\x93NUMPY";
/** The values start at a multiple of this. */
const ALIGNMENT = 64;

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

type Refuse = (reason: string) => UsageError;

/** The header's dictionary as text, and where the values start. */
function header(bytes: Uint8Array, refuse: Refuse): { readonly text: string; readonly start: number } {
  // A TextDecoder takes "latin1" for Windows-1252, and Node before 24 did not.
  const latin1 = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  if (bytes.length < 12 || latin1(0, 6) !== MAGIC) throw refuse("it does not start as one");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw refuse(`its version is ${version}, known are 1 to 3`);
  const [at, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (at + length > bytes.length) throw refuse(`its header would have ${length} bytes, it has ${bytes.length} in all`);
  return { text: latin1(at, at + length), start: at + length };
}

interface Layout {
  readonly code: Code;
  readonly shape: readonly number[];
  readonly fortran: boolean;
}

/**
 * Parses the header's dictionary, such as {'descr': '<f4', 'fortran_order': False, 'shape': (300, 24), }. Lengths end
 * in L where Python 2 wrote them.
 */
function layout(text: string, refuse: Refuse): Layout {
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape':\s*\(([\dL,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || !order || sizes === undefined)
    throw refuse(`its header is ${JSON.stringify(text.trim())}`);
  const [, endian, code] = /^([<|=])(\w+)$/.exec(descr) ?? [];
  if (!endian || !code || !Object.hasOwn(ARRAYS, code)) {
    throw refuse(`its values are "${descr}"; known are little-endian ${Object.keys(ARRAYS).join(", ")}`);
  }
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  if (!Number.isSafeInteger(product(shape)) || !shape.every(Number.isSafeInteger))
    throw refuse(`its shape is [${shape}]`);
  return { code: code as Code, shape, fortran: order === "True" };
}

/** Values in column-major order as row-major ones. */
function rowMajor(data: NpyData, shape: readonly number[]): NpyData {
  const out = data.slice();
  const index = shape.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    let at = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) at = at * shape[axis]! + index[axis]!;
    out[i] = data[at]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}

/**
 * Reads an array from the bytes of a file; it is a view on them where their alignment and order allow it.
 *
 * @param where Named in errors: the file, and its field.
 * @throws UsageError when the bytes are not a well-formed npy file of plain numbers.
 */
export function parseNpy(bytes: Uint8Array, where: string): NpyArray {
  const refuse: Refuse = (reason) =>
    new UsageError(`${where}: not an npy array that can be read: ${reason}`, "save it with numpy.save or numpy.savez");
  const { text, start } = header(bytes, refuse);
  const { code, shape, fortran } = layout(text, refuse);
  const ArrayType = ARRAYS[code];
  const expected = product(shape) * ArrayType.BYTES_PER_ELEMENT;
  if (bytes.length - start !== expected) {
    throw refuse(`shape [${shape}] of ${code} needs ${expected} bytes, it has ${bytes.length - start}`);
  }
  const values = bytes.subarray(start);
  const aligned = values.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0 ? values : Uint8Array.from(values);
  const data = new ArrayType(aligned.buffer as ArrayBuffer, aligned.byteOffset, product(shape));
  return { shape, data: fortran && shape.length > 1 ? rowMajor(data, shape) : data };
}

/**
 * The pieces of an npy file: header and values.
 *
 * @throws RangeError when shape and data do not fit together.
 */
export function npyPieces({ shape, data }: NpyArray): readonly Uint8Array[] {
  if (data.length !== product(shape)) throw new RangeError(`npy: ${data.length} values are not [${shape}]`);
  const code = Object.entries(ARRAYS).find(([, ArrayType]) => data instanceof ArrayType)![0];
  const descr = (data.BYTES_PER_ELEMENT === 1 ? "|" : "<") + code;
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const size = Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const head = Buffer.alloc(size, " ");
  head.write(MAGIC, "latin1");
  head.set([1, 0], 6);
  head.writeUInt16LE(size - 10, 8);
  head.write(text, 10, "latin1");
  head.write("\n", size - 1);
  return [head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}
