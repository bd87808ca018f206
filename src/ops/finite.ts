/** The index of the first value that is not finite; -1 when all are. */
export function firstNonFinite(values: Float32Array): number {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  // All ones in the exponent carry into the sign. Eight at a time: this reads every gradient that comes and goes.
  const whole = bits.length - (bits.length % 8);
  for (let i = 0; i < whole; i += 8) {
    const carries =
      ((bits[i]! & 0x7f800000) + 0x800000) |
      ((bits[i + 1]! & 0x7f800000) + 0x800000) |
      ((bits[i + 2]! & 0x7f800000) + 0x800000) |
      ((bits[i + 3]! & 0x7f800000) + 0x800000) |
      ((bits[i + 4]! & 0x7f800000) + 0x800000) |
      ((bits[i + 5]! & 0x7f800000) + 0x800000) |
      ((bits[i + 6]! & 0x7f800000) + 0x800000) |
      ((bits[i + 7]! & 0x7f800000) + 0x800000);
    if (carries < 0) return i + values.subarray(i, i + 8).findIndex((value) => !Number.isFinite(value));
  }
  for (let i = whole; i < bits.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}
