/** Floating-point numbers of 16 bits. */

const SCRATCH = new DataView(new ArrayBuffer(4));

/** IEEE 754 half precision. */
export function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/** bfloat16: the upper half of a number of 32 bits. */
export function bfloatToNumber(bits: number): number {
  SCRATCH.setUint32(0, bits * 0x10000);
  return SCRATCH.getFloat32(0);
}
