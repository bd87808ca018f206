/**
 * int8 in blocks, each with a scale of float32: little more than a quarter of the bytes of float32.
 *
 * A scale has 17 significant bits, so each of its multiples up to 127 is a float32 number. What was rounded once is
 * therefore carried without loss.
 */

/** Values in a block, counted from the start of the vector. */
export const INT8_BLOCK = 256;

const LARGEST = 127;
/** Adding and taking it away rounds to the nearest whole number, ties to even. */
const ROUNDING = 1.5 * 2 ** 52;
/** Below it engines take numbers for 0. */
const SMALLEST_NORMAL = 2 ** -126;

const blocksOf = (length: number) => Math.ceil(length / INT8_BLOCK);

/** Bytes of {@link toInt8} for that many values. */
export const int8Size = (length: number): number => length + Float32Array.BYTES_PER_ELEMENT * blocksOf(length);

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The scale of a block of this largest size, given by its bits; 0 where all is too small. What is not finite stays so. */
function scaleOf(largest: number): number {
  bits[0] = largest;
  single[0] = single[0]! / LARGEST;
  if (single[0] < SMALLEST_NORMAL) return 0;
  // Towards 0: the largest multiple does not overflow.
  bits[0]! &= ~0x7f;
  return single[0];
}

/** Bits of the largest size: without their sign they have the order of the numbers, and NaN comes last. */
function largestOf(words: Int32Array, first: number, end: number): number {
  let largest = 0;
  for (let i = first; i < end; i++) {
    const size = words[i]! & 0x7fffffff;
    if (size > largest) largest = size;
  }
  return largest;
}

const scalesIn = ({ buffer, byteOffset }: Uint8Array, length: number) =>
  new Float32Array(buffer, byteOffset, blocksOf(length));
const levelsIn = ({ buffer, byteOffset }: Uint8Array, length: number) =>
  new Int8Array(buffer, byteOffset + int8Size(length) - length, length);

/**
 * The scales of all blocks, float32, then a signed byte for each value: its multiple of the block's scale, to the
 * nearest, ties to even.
 *
 * A block with a value that is not finite becomes NaN.
 */
export function toInt8(values: Float32Array): Uint8Array {
  const { buffer, byteOffset, length } = values;
  const words = new Int32Array(buffer, byteOffset, length);
  const bytes = new Uint8Array(int8Size(length));
  const [scales, levels] = [scalesIn(bytes, length), levelsIn(bytes, length)];
  for (let block = 0; block < scales.length; block++) {
    const first = block * INT8_BLOCK;
    const end = Math.min(first + INT8_BLOCK, length);
    const scale = scaleOf(largestOf(words, first, end));
    scales[block] = scale;
    if (!(scale > 0)) continue;
    const perScale = 1 / scale;
    for (let i = first; i < end; i++) levels[i] = values[i]! * perScale + ROUNDING - ROUNDING;
  }
  return bytes;
}

/** Reads {@link toInt8}'s bytes into `values`. @param bytes Begin at a multiple of 4 in their buffer. */
export function fromInt8(bytes: Uint8Array, values: Float32Array): Float32Array {
  const { length } = values;
  if (bytes.length !== int8Size(length)) throw new RangeError(`${bytes.length} bytes are not ${length} values of int8`);
  const [scales, levels] = [scalesIn(bytes, length), levelsIn(bytes, length)];
  for (let block = 0; block < scales.length; block++) {
    const first = block * INT8_BLOCK;
    const [scale, end] = [scales[block]!, Math.min(first + INT8_BLOCK, length)];
    for (let i = first; i < end; i++) values[i] = levels[i]! * scale;
  }
  return values;
}

/** Rounds values where they are to what {@link toInt8} carries without loss. */
export const roundToInt8 = (values: Float32Array): Float32Array => fromInt8(toInt8(values), values);
