/** Samples of any type as bytes. */
import { BadDataError } from "./bad-data.ts";

/** Names of types as NumPy has them. */
export type SampleType =
  "bool" | `${"u" | ""}int${8 | 16 | 32 | 64}` | `float${16 | 32 | 64}` | "complex64" | "complex128";

/** Samples that mean black and white. */
export type SampleRange = readonly [low: number, high: number];

/** Types that have a range of their own. */
const OWN: Partial<Record<SampleType, SampleRange>> = { bool: [0, 1], uint8: [0, 255], uint16: [0, 65_535] };

/** Fewer than 16 of 256 levels: samples of 12 bits or less in 16. */
const FEW = 4096;

const remedy = (example: string) =>
  `name the values of black and white, such as --range ${example}, or save the images as numpy.uint8, 0..255`;

function extent(samples: ArrayLike<number>): SampleRange {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i]!;
    if (Number.isNaN(value)) return [NaN, NaN];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** A range that samples between these lie in, as it is usual. */
function usualRange([low, high]: SampleRange): string {
  const usual: readonly SampleRange[] = low < 0 ? [[-1, 1], [-128, 127], [-32_768, 32_767]] : [[0, 1], [0, 255], [0, 4095], [0, 65_535]]; // prettier-ignore
  const fitting = usual.find(([least, most]) => low >= least && high <= most) ?? [low, high];
  return fitting.join();
}

/** @throws BadDataError when samples are no numbers between which black and white lie. */
function requireFinite(where: string, type: SampleType, [low, high]: SampleRange): void {
  if (Number.isFinite(low) && Number.isFinite(high)) return;
  const what = Number.isNaN(low) ? "not a number (NaN)" : "infinite";
  throw new BadDataError(where, `a sample of it, of type ${type}, is ${what}`, {
    remedy: "repair the image, or skip it with --skip-bad",
  });
}

/** Reports a picture whose type tells no range. */
function unknownRange(where: string, type: SampleType, [low, high]: SampleRange): BadDataError {
  const reason = `its samples are of type ${type} and go from ${low} to ${high}, so black and white are not known`;
  return new BadDataError(where, reason, { remedy: remedy(usualRange([low, high])) });
}

/**
 * Samples as bytes, 0 black and 255 white: by the range that was asked for, else by that of their type. Of 16 bits the
 * upper 8 are taken, as image libraries do.
 *
 * @throws BadDataError when the type has no range, or samples lie outside; for 16 bits also when they look like fewer.
 */
export function toBytes(where: string, samples: ArrayLike<number>, type: SampleType, range?: SampleRange): Uint8Array {
  if (type === "uint8" && range === undefined) return samples as Uint8Array;
  const found = extent(samples);
  requireFinite(where, type, found);
  const [low, high] = range ?? OWN[type] ?? found;
  if (range === undefined && !OWN[type]) throw unknownRange(where, type, found);
  // Numbers that were computed miss their range by a rounding.
  const slack = 1e-4 * (high - low);
  if (!(found[0] >= low - slack && found[1] <= high + slack)) {
    const reason = `its samples go from ${found[0]} to ${found[1]}, outside of ${low} to ${high}`;
    throw new BadDataError(where, reason, { remedy: remedy(usualRange(found)) });
  }
  if (range === undefined && type === "uint16") return upperBytes(where, samples, found);
  const scale = 255 / (high - low);
  return Uint8Array.from(samples, (value) => Math.min(255, Math.max(0, Math.round((value - low) * scale))));
}

function upperBytes(where: string, samples: ArrayLike<number>, [low, high]: SampleRange): Uint8Array {
  if (high > 0 && high < FEW) throw unknownRange(where, "uint16", [low, high]);
  return Uint8Array.from(samples, (value) => value >> 8);
}
