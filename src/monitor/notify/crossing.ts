/** Lines that a metric may cross. */

export interface MetricLine {
  /** Name of the metric. */
  readonly metric: string;
  readonly above: boolean;
  readonly limit: number;
}

const FORM = /^([^<>=\s]+)\s*([<>])\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i;

/** Reads "eval/bound>4"; undefined for anything else. */
export function parseCrossing(text: string): MetricLine | undefined {
  const [, metric, sign, limit] = FORM.exec(text.trim()) ?? [];
  return metric === undefined ? undefined : { metric, above: sign === ">", limit: Number(limit) };
}

export const crossingText = ({ metric, above, limit }: MetricLine): string => `${metric}${above ? ">" : "<"}${limit}`;

/** True beyond the line; a value that is no number is on no side. */
export const isBeyond = ({ above, limit }: MetricLine, value: number): boolean =>
  above ? value > limit : value < limit;
