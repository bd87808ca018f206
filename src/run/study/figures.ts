/** The figures of a study as SVG. */
import { intervalChart } from "../../monitor/report/interval-chart.ts";
import { lineChart, type ChartLine } from "../../monitor/report/line-chart.ts";
import { valueLabel, rowLabel } from "./labels.ts";
import { lossDensities, type DrawnLosses, type LossDensity } from "./loss-variance.ts";
import type { StudyResults } from "./results.ts";
import { meanOver, rowMean, type LookPoint, type StudyCurve } from "./rows.ts";
import type { Study } from "./study.ts";

export interface Figure {
  /** Name of its file. */
  readonly name: string;
  readonly svg: string;
}

/** The axis whose values are lines of one chart, by default the last one; the others make a chart each. */
const LINES = "method";
const linesOf = ({ axes }: Study): string => (LINES in axes ? LINES : (Object.keys(axes).at(-1) ?? LINES));

function bitsFigure({ plan, rows }: StudyResults): Figure[] {
  const evaluations = Object.keys(plan.study.evaluated.values);
  const intervals = rows.flatMap((row) => {
    const mean = rowMean(row, "bpd");
    const colour = evaluations.indexOf(row.values[plan.study.evaluated.axis]!);
    return mean ? [{ name: rowLabel(plan.study, row.values), ...mean, colour }] : [];
  });
  if (intervals.length === 0) return [];
  return [
    { name: "bits", svg: intervalChart({ title: "Bits/dim, fewer are better", label: "bits/dim by the ODE, ± 2 standard errors over seeds", intervals }) }, // prettier-ignore
  ];
}

function claimsFigure({ claims }: StudyResults): Figure[] {
  const of = (variance: boolean) =>
    claims.flatMap(({ claim, difference }) =>
      "lossVariance" in claim === variance && difference ? [{ name: claim.says, ...difference }] : [],
    );
  const bits = of(false);
  if (bits.length === 0) return [];
  return [
    { name: "claims", svg: intervalChart({ title: "Claims: below zero where they hold", label: "difference in bits/dim, ± 2 standard errors over seeds", intervals: bits, zero: true }) }, // prettier-ignore
  ];
}

/** A line of means over seeds, by the steps. */
function curveLine(points: readonly LookPoint[], measure: "bpd" | "bound"): ChartLine["points"] {
  const steps = [...new Set(points.map((point) => point.steps))].sort((a, b) => a - b);
  return steps.flatMap((x) => {
    const mean = meanOver(points.filter((point) => point.steps === x).map((point) => point[measure]));
    return mean ? [{ x, y: mean.mean, error: mean.standardError }] : [];
  });
}

function curveFigures({ plan: { study }, curves }: StudyResults): Figure[] {
  const axis = linesOf(study);
  const named = Object.keys(study.axes[axis] ?? {});
  const charts = new Map<string, StudyCurve[]>();
  for (const curve of curves.filter(({ points }) => points.length > 0)) {
    const { [axis]: _, ...values } = curve.values;
    const key = ["steps", ...Object.values(values)].join("-");
    charts.set(key, [...(charts.get(key) ?? []), curve]);
  }
  return [...charts].map(([key, group]) => {
    const { [axis]: _, ...values } = group[0]!.values;
    const lines = group.flatMap((curve): ChartLine[] => {
      const value = curve.values[axis] ?? "";
      const name = valueLabel(study, axis, value);
      const colour = Math.max(0, named.indexOf(value));
      return [
        { name: `${name}, ODE`, colour, points: curveLine(curve.points, "bpd") },
        { name: `${name}, bound`, colour, dashed: true, points: curveLine(curve.points, "bound") },
      ];
    });
    const title = [rowLabel(study, values), "bits/dim against steps"].filter(Boolean).join(": ");
    return {
      name: key,
      svg: lineChart({ title, x: { label: "steps" }, y: { label: "bits/dim" }, lines }),
    };
  });
}

/** Borders of times in a chart. */
const BINS = 10;
const DENSITIES: Readonly<Record<LossDensity, string>> = {
  uniform: "times drawn uniformly",
  likelihood: "times drawn by importance sampling",
};

/** How far a density's losses lie from their mean by time: the root mean square in bins of equal width in log t. */
export function deviationByTime(
  { times, losses }: DrawnLosses,
  smallest: number,
): { readonly x: number; readonly y: number }[] {
  const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
  const low = Math.log(smallest);
  const width = -low / BINS || 1;
  const bin = (t: number) => Math.min(Math.max(Math.floor((Math.log(t) - low) / width), 0), BINS - 1);
  return Array.from({ length: BINS }, (_, i) => {
    const own = losses.filter((_, n) => bin(times[n]!) === i);
    const square = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
    return { x: Math.exp(low + (i + 0.5) * width), y: Math.sqrt(square) };
  }).filter(({ y }) => Number.isFinite(y));
}

/** Losses of the first model by time, under both densities. */
function lossFigures({ plan, losses }: StudyResults): Figure[] {
  const [model] = losses;
  if (!model) return [];
  const title = `${rowLabel(plan.study, model.values)}: one model, its loss by two densities of times`;
  const smallest = lossDensities.flatMap((density) => model.losses[density].times).reduce((a, b) => Math.min(a, b), 1);
  const lines = lossDensities.map((density, colour) => ({
    name: DENSITIES[density],
    colour,
    points: deviationByTime(model.losses[density], smallest),
  }));
  const chart = { title, x: { label: "time t", log: true }, y: { label: "deviation from the mean loss, bits/dim", log: true }, lines }; // prettier-ignore
  return [{ name: "loss-variance", svg: lineChart(chart) }];
}

/** All figures that the results are enough for. */
export const studyFigures = (results: StudyResults): Figure[] => [
  ...bitsFigure(results),
  ...claimsFigure(results),
  ...curveFigures(results),
  ...lossFigures(results),
];
