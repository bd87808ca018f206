/** bfloat16: the upper half of a float32, rounded to the nearest, ties to even. Only for finite values. */

/** Values of no more than a float32's largest finite number; those that would round to infinity stay at the largest. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => {
    const rounded = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    return (rounded & 0x7fff) === 0x7f80 ? rounded - 1 : rounded;
  });
}

export function fromBfloat16(halves: Uint16Array): Float32Array {
  const bits = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(bits.buffer);
}
