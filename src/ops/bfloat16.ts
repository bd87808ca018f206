/** bfloat16: the upper half of a float32, rounded to the nearest, ties to even. Only for finite values. */

/** Values of no more than a float32's largest finite number; those that would round to infinity stay at the largest. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  // `Uint16Array.from` with a function takes a hundred times as long.
  for (let i = 0; i < halves.length; i++) {
    const word = bits[i]!;
    const rounded = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    halves[i] = (rounded & 0x7fff) === 0x7f80 ? rounded - 1 : rounded;
  }
  return halves;
}

export function fromBfloat16(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return values;
}
