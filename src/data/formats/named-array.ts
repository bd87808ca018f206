/** Arrays by name as files of several formats have them: raw bytes, which no format needs to align. */
import { ARRAYS, type Safetensor, type SafetensorData, type SafetensorDtype } from "./safetensors.ts";

/** An array in row-major order, little-endian. */
export interface NamedArray {
  readonly dtype: SafetensorDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Bytes an element takes. */
export const widthOf = (dtype: SafetensorDtype): number => ARRAYS[dtype].BYTES_PER_ELEMENT;

/** A view on the values. */
export const namedArray = (
  dtype: SafetensorDtype,
  shape: readonly number[],
  { buffer, byteOffset, byteLength }: ArrayBufferView,
): NamedArray => ({ dtype, shape, bytes: new Uint8Array(buffer, byteOffset, byteLength) });

/** The values as numbers: a view where their alignment allows it, else a copy. */
export function valuesOfArray({ dtype, bytes }: NamedArray): SafetensorData {
  const ArrayType = ARRAYS[dtype];
  const aligned = bytes.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new ArrayType(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.length / ArrayType.BYTES_PER_ELEMENT);
}

export const toSafetensor = (array: NamedArray): Safetensor => ({
  dtype: array.dtype,
  shape: array.shape,
  data: valuesOfArray(array),
});

export const fromSafetensor = ({ dtype, shape, data }: Safetensor): NamedArray => namedArray(dtype, shape, data);

/** "[3, 3]", with the dtype when it is not float32. */
export const describeArray = ({ dtype, shape }: NamedArray): string =>
  `[${shape.join(", ")}]${dtype === "F32" ? "" : ` ${dtype}`}`;
