/** The range of values that is worth drawing. */

export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Values that are not between them. */
  readonly outside: number;
}

/** Values from which on outliers can be told by their spread. */
const ENOUGH = 20;
/** A curve with values so many times larger than usual has diverged: the other values would be one flat line. */
const FAR = { linear: 1e4, log: 1e9 };
/** Size up to which no value is a sign of divergence. */
const LARGE = 1000;

/** The value at a part of an ascending order. */
const quantile = (sorted: Float64Array, part: number): number | undefined =>
  sorted[Math.round(part * (sorted.length - 1))];

const ascending = (values: readonly number[]) => Float64Array.from(values).sort();

/**
 * The values of all curves without those of a divergence. What is usual is the size of the smaller values of a curve, and
 * of the curves with smaller values: it stays although most of them diverge.
 */
function withoutDivergence(curves: readonly (readonly number[])[], far: number): number[] {
  const sizes = curves.map((values) => quantile(ascending(values.map(Math.abs).filter((size) => size > 0)), 0.25));
  const usual = quantile(ascending(sizes.flatMap((size) => size ?? [])), 0.2) ?? 0;
  return curves.flatMap((values, i) => {
    const limit = Math.max(LARGE, far * Math.min(sizes[i] ?? 0, usual));
    return values.filter((value) => Math.abs(value) <= limit);
  });
}

/** Bounds without what lies further from the middle 96 % than twice its spread; all of few values. */
function spreadOf(all: Float64Array): Bounds {
  const [least, most] = [all[0]!, all.at(-1)!];
  const whole = { min: least, max: most, outside: 0 };
  if (all.length < ENOUGH) return whole;
  const [low, high] = [quantile(all, 0.02)!, quantile(all, 0.98)!];
  const room = 2 * (high - low);
  // All but a few are one value: there is no spread to measure by.
  if (room === 0) return whole;
  const inside = all.filter((value) => value >= low - room && value <= high + room);
  return { min: inside[0]!, max: inside.at(-1)!, outside: all.length - inside.length };
}

/**
 * Bounds of the values of all curves, without those of a divergence and without outliers of the others. Undefined without
 * a finite value.
 *
 * @param log Whether the axis is logarithmic: then outliers are those of the logarithms, and a divergence begins later.
 */
export function boundsOf(curves: readonly (readonly number[])[], log = false): Bounds | undefined {
  const finite = curves.map((values) => values.filter((value) => Number.isFinite(value) && (!log || value > 0)));
  const near = withoutDivergence(finite, log ? FAR.log : FAR.linear);
  if (near.length === 0) return undefined;
  const { min, max, outside } = spreadOf(ascending(log ? near.map(Math.log) : near));
  const count = finite.reduce((sum, { length }) => sum + length, 0);
  const ends = log ? { min: Math.exp(min), max: Math.exp(max) } : { min, max };
  return { ...ends, outside: outside + count - near.length };
}
