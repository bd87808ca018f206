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

interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

/** Inputs and weights of each output, on one axis: of `span` inputs behind the first `start`. */
function tapsOf([start, span]: readonly [number, number], to: number, filter: ResampleFilter): Taps[] {
  const [half, at] = KERNELS[filter];
  const scale = Math.max(span / to, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = start + (i + 0.5) * (span / to);
    const first = Math.max(Math.floor(start), Math.trunc(centre - half * scale + 0.5));
    const last = Math.min(Math.ceil(start + span), Math.trunc(centre + half * scale + 0.5));
    const raw = Float64Array.from({ length: last - first }, (_, k) => at(Math.abs((first + k - centre + 0.5) / scale)));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: Int32Array.from(raw, (weight) => roundAway((weight / sum) * 2 ** BITS)) };
  });
}

const roundAway = (value: number) => (value < 0 ? Math.ceil(value - 0.5) : Math.floor(value + 0.5));

const HALF = 1 << (BITS - 1);
const toByte = (sum: number) => Math.min(255, Math.max(0, sum >> BITS));

/** [H, W, C] to [H, taps, C]. */
function alongRows(data: Uint8Array, [H, W, C]: Extent, taps: readonly Taps[]): Uint8Array {
  const out = new Uint8Array(H * taps.length * C);
  for (let y = 0, to = 0; y < H; y++) {
    for (const { first, weights } of taps) {
      for (let c = 0; c < C; c++) {
        let sum = HALF;
        for (let k = 0, at = (y * W + first) * C + c; k < weights.length; k++, at += C) {
          sum = (sum + Math.imul(weights[k]!, data[at]!)) | 0;
        }
        out[to++] = toByte(sum);
      }
    }
  }
  return out;
}

/** [H, W, C] to [taps, W, C]. */
function alongColumns(data: Uint8Array, [, W, C]: Extent, taps: readonly Taps[]): Uint8Array {
  const out = new Uint8Array(taps.length * W * C);
  const sums = new Int32Array(W * C);
  taps.forEach(({ first, weights }, y) => {
    sums.fill(HALF);
    weights.forEach((weight, k) => {
      const at = (first + k) * W * C;
      for (let i = 0; i < sums.length; i++) sums[i]! += Math.imul(weight, data[at + i]!);
    });
    sums.forEach((sum, i) => (out[y * W * C + i] = toByte(sum)));
  });
  return out;
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
  const wide = alongRows(data, shape, tapsOf([box.left, box.width], size, filter));
  return alongColumns(wide, [height, size, channels], tapsOf([box.top, box.height], size, filter));
}
