/** The loss over the noise, as the metrics of `lossByNoise` tell it. */
import type { Series } from "./series.ts";

export const KINDS = ["unweighted", "weighted"] as const;
export type Kind = (typeof KINDS)[number];

const FORM = /^loss_by_noise\/(weighted|unweighted)\/(-?\d+\.\d+)$/;

/** True when a metric is a bin of such a curve. */
export const isNoiseMetric = (name: string): boolean => FORM.test(name);

export interface NoiseCurves {
  /** Middles of the bins, ascending. */
  readonly logSnr: readonly number[];
  /** Last step of each column. */
  readonly steps: readonly number[];
  /** Loss of each column in each bin, NaN where there is none: `values[column][bin]`. */
  readonly values: readonly (readonly number[])[];
}

/** The value of each column: of several in one the last, of none the one before. */
function columnValues({ steps, values }: Pick<Series, "steps" | "values">, ends: readonly number[]): number[] {
  let at = 0;
  let value = NaN;
  return ends.map((end) => {
    for (; at < steps.length && steps[at]! <= end; at++) value = values[at]!;
    return value;
  });
}

/** The curves of a node over its steps. @param columns Columns at most. */
export function noiseCurves(
  series: ReadonlyMap<string, Pick<Series, "steps" | "values">>,
  kind: Kind,
  columns: number,
): NoiseCurves {
  const bins = [...series].flatMap(([name, points]) => {
    const [, found, middle] = FORM.exec(name) ?? [];
    return found === kind ? [{ middle: Number(middle), points }] : [];
  });
  bins.sort((a, b) => a.middle - b.middle);
  const all = [...new Set(bins.flatMap(({ points }) => points.steps))].sort((a, b) => a - b);
  const width = Math.max(1, Math.ceil(all.length / columns));
  // Counted from the end, so that the newest curve is the last column.
  const steps = all.filter((_, i) => (all.length - 1 - i) % width === 0);
  const byBin = bins.map(({ points }) => columnValues(points, steps));
  return {
    logSnr: bins.map(({ middle }) => middle),
    steps,
    values: steps.map((_, column) => byBin.map((values) => values[column]!)),
  };
}

/** Least and largest of the values that a logarithmic scale has a place for; undefined for none. */
export function positiveRange(values: readonly (readonly number[])[]): readonly [number, number] | undefined {
  const usable = values.flat().filter((value) => value > 0 && Number.isFinite(value));
  if (usable.length === 0) return undefined;
  const fold = (pick: (a: number, b: number) => number) => usable.reduce((a, b) => pick(a, b));
  return [fold(Math.min), fold(Math.max)];
}

/** Place of a value on a logarithmic scale, in [0, 1]. */
export function logPlace(value: number, [least, largest]: readonly [number, number]): number {
  if (largest === least) return 0.5;
  return (Math.log(value) - Math.log(least)) / (Math.log(largest) - Math.log(least));
}
