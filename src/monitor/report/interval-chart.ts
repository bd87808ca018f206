/** Values with two standard errors to both sides, a row each, as SVG. */
import { COLOURS, label, line, ruler, svgPicture } from "./svg-parts.ts";

export interface Interval {
  readonly name: string;
  readonly mean: number;
  /** NaN where it is not known: no bar. */
  readonly standardError: number;
  /** Place of its colour. */
  readonly colour?: number;
}

export interface IntervalChart {
  readonly title: string;
  /** The name of the values. */
  readonly label: string;
  readonly intervals: readonly Interval[];
  /** Shows zero, which differences are held against. */
  readonly zero?: boolean;
}

const [WIDTH, LEFT, RIGHT, TOP, ROW] = [640, 270, 20, 34, 24];

/** Draws the intervals from the first down; values that are not finite are left out. */
export function intervalChart({ title, label: axis, intervals, zero = false }: IntervalChart): string {
  const shown = intervals.filter(({ mean }) => Number.isFinite(mean));
  const error = (one: Interval) => 2 * (Number.isFinite(one.standardError) ? one.standardError : 0);
  const ends = shown.flatMap((one) => [one.mean - error(one), one.mean + error(one)]);
  const xs = ruler(zero ? [...ends, 0] : ends, [LEFT, WIDTH - RIGHT]);
  const bottom = TOP + ROW * shown.length;
  const rows = shown.flatMap((one, i) => {
    const y = TOP + ROW * (i + 0.5);
    const colour = COLOURS[(one.colour ?? 0) % COLOURS.length]!;
    const [from, to] = [xs.place(one.mean - error(one)), xs.place(one.mean + error(one))];
    return [
      label(LEFT - 10, y + 4, one.name, "end", ""),
      `<line x1="${from.toFixed(1)}" x2="${to.toFixed(1)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="4" stroke-opacity=".45"/>`,
      `<circle cx="${xs.place(one.mean).toFixed(1)}" cy="${y}" r="5" fill="${colour}"/>`,
    ];
  });
  return svgPicture(WIDTH, bottom + 48, title, [
    label(10, 18, title, "start", ""),
    ...xs.marks.flatMap(({ at, text }) => [line(at, TOP, at, bottom), label(at, bottom + 16, text)]),
    ...(zero ? [line(xs.place(0), TOP, xs.place(0), bottom, "zero")] : []),
    label((LEFT + WIDTH - RIGHT) / 2, bottom + 36, axis),
    ...rows,
  ]);
}
