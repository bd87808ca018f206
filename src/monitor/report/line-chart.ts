/** A chart of lines with errors, as SVG. */
import { COLOURS, label, line, ruler, svgPicture, type ChartAxis } from "./svg-parts.ts";

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** Standard error: the bar shows two to each side. */
  readonly error?: number | undefined;
}

export interface ChartLine {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  /** Lines of one group have one colour; default: a colour of its own. */
  readonly colour?: number;
  readonly dashed?: boolean;
}

export interface LineChart {
  readonly title: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly lines: readonly ChartLine[];
}

const [WIDTH, PLOT, LEFT, RIGHT, TOP, ROW] = [460, 260, 62, 14, 34, 18];

const usable = ({ x, y }: LineChart, point: ChartPoint) =>
  Number.isFinite(point.x) && Number.isFinite(point.y) && (!x.log || point.x > 0) && (!y.log || point.y > 0);

/** Draws the lines; points without a finite place are left out. */
export function lineChart(chart: LineChart): string {
  const { title, x, y, lines } = chart;
  const all = lines.flatMap(({ points }) => points.filter((point) => usable(chart, point)));
  const ends = all.flatMap((point) => {
    const error = 2 * (point.error || 0);
    return [point.y + error, y.log && point.y - error <= 0 ? point.y : point.y - error];
  });
  const xs = ruler(all.map((point) => point.x), [LEFT, WIDTH - RIGHT], x.log); // prettier-ignore
  const ys = ruler(ends, [TOP + PLOT, TOP], y.log);
  const bottom = TOP + PLOT;
  const frame = [
    label(LEFT, 18, title, "start", ""),
    ...ys.marks.flatMap(({ at, text }) => [line(LEFT, at, WIDTH - RIGHT, at), label(LEFT - 6, at + 4, text, "end")]),
    ...xs.marks.map(({ at, text }) => label(at, bottom + 16, text)),
    label((LEFT + WIDTH - RIGHT) / 2, bottom + 34, x.label),
    `<text transform="translate(14 ${TOP + PLOT / 2}) rotate(-90)" text-anchor="middle" class="quiet">${y.label}</text>`,
  ];
  const drawn = lines.flatMap((one, i) => {
    const colour = COLOURS[(one.colour ?? i) % COLOURS.length]!;
    const points = one.points.filter((point) => usable(chart, point));
    const places = points.map((point) => `${xs.place(point.x).toFixed(1)},${ys.place(point.y).toFixed(1)}`);
    const dash = one.dashed ? ' stroke-dasharray="6 4"' : "";
    const errors = points.flatMap((point) => {
      const error = 2 * (point.error || 0);
      if (error === 0 || (y.log && point.y - error <= 0)) return [];
      const at = xs.place(point.x).toFixed(1);
      return `<line x1="${at}" x2="${at}" y1="${ys.place(point.y - error).toFixed(1)}" y2="${ys.place(point.y + error).toFixed(1)}" stroke="${colour}" stroke-width="3" stroke-opacity=".4"/>`;
    });
    const marks = points.map(
      (point) => `<circle cx="${xs.place(point.x).toFixed(1)}" cy="${ys.place(point.y).toFixed(1)}" r="3" fill="${colour}"/>`,
    ); // prettier-ignore
    const legend = bottom + 56 + ROW * i;
    return [
      `<polyline points="${places.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
      ...errors,
      ...marks,
      `<line x1="${LEFT}" x2="${LEFT + 28}" y1="${legend - 4}" y2="${legend - 4}" stroke="${colour}" stroke-width="2"${dash}/>`,
      label(LEFT + 36, legend, one.name, "start", ""),
    ];
  });
  return svgPicture(WIDTH, bottom + 60 + ROW * lines.length, title, [...frame, ...drawn]);
}
