/** Resampling of images to the bytes that Pillow makes. */

export type ResampleFilter = "linear" | "cubic" | "lanczos3";

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

function cubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** Half the width of each kernel, and its value at x >= 0. */
const KERNELS: Readonly<Record<ResampleFilter, readonly [support: number, at: (x: number) => number]>> = {
  linear: [1, (x) => Math.max(0, 1 - x)],
  cubic: [2, cubic],
  lanczos3: [3, (x) => (x < 3 ? sinc(x) * sinc(x / 3) : 0)],
};

type Extent = readonly [height: number, width: number, channels: number];

/** Weights are whole numbers of so many bits behind the point, as in Pillow. */
const BITS = 22;

/** Inputs and weights of the outputs on one axis: output i sees inputs from `first[i]` on, by weights `at[i]` to `at[i + 1]`. */
interface Taps {
  readonly count: number;
  readonly first: Int32Array;
  readonly at: Int32Array;
  readonly weights: Int32Array;
}

/** Taps that were made last, since the images of a data set often have one size. */
const made = new Map<string, Taps>();
const MADE = 8;

/** The taps of outputs that see `span` inputs behind the first `start`. */
function tapsOf([start, span]: readonly [number, number], count: number, filter: ResampleFilter): Taps {
  const key = `${start} ${span} ${count} ${filter}`;
  let taps = made.get(key);
  if (!taps) {
    if (made.size === MADE) made.clear();
    taps = makeTaps([start, span], count, filter);
    made.set(key, taps);
  }
  return taps;
}

function makeTaps([start, span]: readonly [number, number], count: number, filter: ResampleFilter): Taps {
  const [half, kernel] = KERNELS[filter];
  const scale = Math.max(span / count, 1);
  const [first, at, weights] = [new Int32Array(count), new Int32Array(count + 1), [] as number[]];
  for (let i = 0; i < count; i++) {
    const centre = start + (i + 0.5) * (span / count);
    const from = Math.max(Math.floor(start), Math.trunc(centre - half * scale + 0.5));
    const to = Math.min(Math.ceil(start + span), Math.trunc(centre + half * scale + 0.5));
    const raw = Array.from({ length: to - from }, (_, k) => kernel(Math.abs((from + k - centre + 0.5) / scale)));
    const sum = raw.reduce((a, b) => a + b, 0);
    for (const weight of raw) weights.push(roundAway((weight / sum) * 2 ** BITS));
    first[i] = from;
    at[i + 1] = weights.length;
  }
  return { count, first, at, weights: Int32Array.from(weights) };
}

const roundAway = (value: number) => (value < 0 ? Math.ceil(value - 0.5) : Math.floor(value + 0.5));

const HALF = 1 << (BITS - 1);

/** Sums are clamped to 0 to 255 when they are written to it. */
const clamped = (length: number) => new Uint8ClampedArray(length);
const bytesOf = ({ buffer }: Uint8ClampedArray<ArrayBuffer>) => new Uint8Array(buffer);

/** [H, W, 3] to [H, taps, 3], the channels side by side, which is faster than one after another. */
function colourAlongRows(data: Uint8Array, [H, W]: Extent, { count, first, at, weights }: Taps): Uint8Array {
  const out = clamped(H * count * 3);
  for (let y = 0, to = 0; y < H; y++) {
    for (let x = 0; x < count; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      const last = at[x + 1]!;
      for (let k = at[x]!, from = (y * W + first[x]!) * 3; k < last; k++, from += 3) {
        const weight = weights[k]!;
        red = (red + Math.imul(weight, data[from]!)) | 0;
        green = (green + Math.imul(weight, data[from + 1]!)) | 0;
        blue = (blue + Math.imul(weight, data[from + 2]!)) | 0;
      }
      out[to++] = red >> BITS;
      out[to++] = green >> BITS;
      out[to++] = blue >> BITS;
    }
  }
  return bytesOf(out);
}

/** [H, W, C] to [H, taps, C]. */
function alongRows(data: Uint8Array, [H, W, C]: Extent, { count, first, at, weights }: Taps): Uint8Array {
  const out = clamped(H * count * C);
  for (let y = 0, to = 0; y < H; y++) {
    for (let x = 0; x < count; x++) {
      const last = at[x + 1]!;
      for (let c = 0; c < C; c++) {
        let sum = HALF;
        for (let k = at[x]!, from = (y * W + first[x]!) * C + c; k < last; k++, from += C) {
          sum = (sum + Math.imul(weights[k]!, data[from]!)) | 0;
        }
        out[to++] = sum >> BITS;
      }
    }
  }
  return bytesOf(out);
}

/** Adds a row, multiplied by its weight. */
function addRow(sums: Int32Array, data: Uint8Array, from: number, weight: number): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += Math.imul(weight, data[from + i]!);
}

/** Adds four rows with one pass over the sums. */
function addFourRows(sums: Int32Array, data: Uint8Array, from: number, weights: Int32Array, k: number): void {
  const row = sums.length;
  const [a, b, c, d] = [weights[k]!, weights[k + 1]!, weights[k + 2]!, weights[k + 3]!];
  for (let i = 0, at = from; i < row; i++, at++) {
    const two = (Math.imul(a, data[at]!) + Math.imul(b, data[at + row]!)) | 0;
    const others = (Math.imul(c, data[at + 2 * row]!) + Math.imul(d, data[at + 3 * row]!)) | 0;
    sums[i]! += two + others;
  }
}

/** [H, W, C] to [taps, W, C]. */
function alongColumns(data: Uint8Array, [, W, C]: Extent, { count, first, at, weights }: Taps): Uint8Array {
  const row = W * C;
  const out = clamped(count * row);
  const sums = new Int32Array(row);
  for (let y = 0; y < count; y++) {
    sums.fill(HALF);
    const last = at[y + 1]!;
    let k = at[y]!;
    let from = first[y]! * row;
    for (; k + 4 <= last; k += 4, from += 4 * row) addFourRows(sums, data, from, weights, k);
    for (; k < last; k++, from += row) addRow(sums, data, from, weights[k]!);
    for (let i = 0, to = y * row; i < row; i++) out[to++] = sums[i]! >> BITS;
  }
  return bytesOf(out);
}

/** Part of an image, in pixels and parts of them. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Resamples a box of [H, W, C] to [size, size, C], columns first; the kernel is widened when it shrinks.
 *
 * @param box The part that is seen; default: all of the image.
 * @see Pillow's Resample.c, ImagingResample
 */
export function resample(
  data: Uint8Array,
  shape: Extent,
  size: number,
  filter: ResampleFilter,
  box: Box = { left: 0, top: 0, width: shape[1], height: shape[0] },
): Uint8Array {
  const [height, , channels] = shape;
  const rows = channels === 3 ? colourAlongRows : alongRows;
  const wide = rows(data, shape, tapsOf([box.left, box.width], size, filter));
  return alongColumns(wide, [height, size, channels], tapsOf([box.top, box.height], size, filter));
}
