/** Resampling of small images to the bytes that Pillow makes. */

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

/** Weights are whole numbers of so many bits behind the point, as in Pillow. */
const BITS = 22;

interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Inputs and weights of each output, on one axis. */
function tapsOf(from: number, to: number, filter: ResampleFilter): Taps[] {
  const [half, at] = KERNELS[filter];
  const scale = Math.max(from / to, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * (from / to);
    const first = Math.max(0, Math.trunc(centre - half * scale + 0.5));
    const last = Math.min(from, Math.trunc(centre + half * scale + 0.5));
    const raw = Float64Array.from({ length: last - first }, (_, k) => at(Math.abs((first + k - centre + 0.5) / scale)));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: raw.map((weight) => roundAway((weight / sum) * 2 ** BITS)) };
  });
}

const roundAway = (value: number) => (value < 0 ? Math.ceil(value - 0.5) : Math.floor(value + 0.5));

/** Along one axis: `count` lines of `from` samples, whose neighbours lie `step` apart, to lines of as many as taps. */
function alongAxis(
  data: Uint8Array,
  taps: readonly Taps[],
  { count, line, step, outLine, outStep }: Readonly<Record<"count" | "line" | "step" | "outLine" | "outStep", number>>,
  out: Uint8Array,
): void {
  for (let l = 0; l < count; l++) {
    const [at, to] = [line * Math.floor(l / step) + (l % step), outLine * Math.floor(l / step) + (l % step)];
    for (let i = 0; i < taps.length; i++) {
      const { first, weights } = taps[i]!;
      let sum = 2 ** (BITS - 1);
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * data[at + (first + k) * step]!;
      out[to + i * outStep] = Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
    }
  }
}

/**
 * Resamples [H, W, C] to [size, size, C], columns first; the kernel is widened when it shrinks.
 *
 * @see Pillow's Resample.c, ImagingResample
 */
export function resample(
  data: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  size: number,
  filter: ResampleFilter,
): Uint8Array {
  const wide = new Uint8Array(height * size * channels);
  const rows = { line: width * channels, step: channels, outLine: size * channels, outStep: channels };
  alongAxis(data, tapsOf(width, size, filter), { ...rows, count: height * channels }, wide);
  const out = new Uint8Array(size * size * channels);
  const step = size * channels;
  const columns = { count: step, line: 0, step, outLine: 0, outStep: step };
  alongAxis(wide, tapsOf(height, size, filter), columns, out);
  return out;
}
