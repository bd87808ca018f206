/** The looks of a chart. */
import uPlot from "uplot";
import { markText, TIME_MARKS, type AxisKind } from "./axis.ts";
import { colourOf, DASHES, type CurveLook } from "./looks.ts";
import { colour, translucent } from "./theme.ts";
import { touchZoom } from "./touch-zoom.ts";
import type { Zoom } from "./zoom-keys.ts";

/** A line of a plot. */
export interface PlotLine {
  readonly look: CurveLook;
  /** Marks each point: few values, far apart. */
  readonly marks?: boolean;
  /** Stands behind its smoothed form. */
  readonly pale?: boolean;
  /** Border of a band; "low" follows its "high". */
  readonly band?: "high" | "low";
}

export interface PlotOptions {
  readonly lines: readonly PlotLine[];
  readonly axis: AxisKind;
  /** Uses a logarithmic y axis. */
  readonly log: boolean;
  /** Marks the y axis at multiples of powers of 2. */
  readonly binary: boolean;
  readonly format: (value: number) => string;
  /** Smallest and largest value to draw; undefined: all there are. */
  readonly bounds: () => Readonly<{ min: number; max: number }> | undefined;
  readonly onCursor: () => void;
  /** Receives the range that was dragged over; undefined: all again. */
  readonly onZoom: (zoom: Zoom) => void;
  /** The range that is drawn. */
  readonly range: () => readonly [number, number];
}

/** Height in CSS pixels. */
export const HEIGHT = 210;
const POWERS = Array.from({ length: 50 }, (_, i) => 2 ** i);
/** Lines at most on which the pointer's place is marked. */
const MARKED = 8;
/** Pixels between the pointer and a point that is marked, at most. */
const NEAR = 30;
/** Drags of fewer pixels are clicks. */
const SLIP = 3;

function series({ look, marks = false, pale = false, band }: PlotLine, paint: typeof colour): uPlot.Series {
  if (band) return { stroke: paint(colourOf(look)), width: 0, points: { show: false } };
  const points = { show: marks, size: 7, fill: paint("--card") };
  const looks = { stroke: paint(colourOf(look)), width: pale ? 1 : 1.6, alpha: pale ? 0.28 : 1, points };
  return look.dash > 0 ? { ...looks, dash: [...DASHES[look.dash]!] } : looks;
}

/** Colours as they are now, each asked for once. */
function painter(): typeof colour {
  const known = new Map<string, string>();
  return (variable) => {
    if (!known.has(variable)) known.set(variable, colour(variable));
    return known.get(variable)!;
  };
}

/** Fills of what lies between two borders. */
const bandsOf = (lines: readonly PlotLine[], paint: typeof colour): uPlot.Band[] =>
  lines.flatMap(({ band, look }, i) =>
    band === "high" ? [{ series: [i + 1, i + 2], fill: translucent(paint(colourOf(look))) }] : [],
  );

/** Marks of the lines at the pointer, in their colours; borders and pale lines have none. */
function marksOf(lines: readonly PlotLine[], paint: typeof colour): uPlot.Cursor.Points {
  // uPlot makes the marks unless it is told otherwise: `show: true` is none of its elements.
  if (lines.length > MARKED) return { show: false };
  const paintOf = (_: uPlot, i: number) => paint(colourOf(lines[i - 1]!.look));
  const size = (_: uPlot, i: number) => (lines[i - 1]!.band || lines[i - 1]!.pale ? 0 : 6);
  return { size, fill: paintOf, stroke: paintOf };
}

/** The range of the y axis. */
function spread(bounds: PlotOptions["bounds"], log: boolean) {
  return (_: uPlot, least: number | null, most: number | null): [number | null, number | null] => {
    const { min, max } = bounds() ?? { min: least, max: most };
    if (min === null || max === null) return [null, null];
    const range = log ? uPlot.rangeLog(min, max, 10, false) : uPlot.rangeNum(min, max, 0.1, true);
    return [range[0], range[1]];
  };
}

function select(plot: uPlot, onZoom: PlotOptions["onZoom"]): void {
  const { left, width } = plot.select;
  if (width < SLIP) return;
  const zoom = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")] as const;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onZoom(zoom);
}

/** A plot in `place` with the colours of now; its scales are set from outside. */
export function makePlot(
  { lines, axis, log, binary, format, bounds, onCursor, onZoom, range }: PlotOptions,
  data: uPlot.AlignedData,
  place: HTMLElement,
): uPlot {
  const paint = painter();
  const common = {
    stroke: paint("--muted"),
    grid: { stroke: paint("--grid"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  const places = (_: uPlot, splits: number[]) => splits.map((at) => markText(axis, at, (splits[1] ?? 0) - splits[0]!));
  const values = (_: uPlot, splits: (number | null)[]) => splits.map((value) => (value === null ? "" : format(value)));
  const options: uPlot.Options = {
    width: place.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 22, 0, 0],
    scales: { x: { time: false, auto: false }, y: { distr: log ? 3 : 1, range: spread(bounds, log) } },
    axes: [
      {
        ...common,
        size: 26,
        space: axis === "step" ? 60 : 80,
        values: places,
        ...(axis !== "step" && { incrs: TIME_MARKS }),
      },
      { ...common, size: 62, values, ...(binary && { incrs: POWERS }) },
    ],
    bands: bandsOf(lines, paint),
    series: [{}, ...lines.map((line) => series(line, paint))],
    cursor: {
      sync: { key: axis },
      drag: { x: true, y: false, setScale: false },
      points: marksOf(lines, paint),
      hover: { prox: NEAR },
      y: false,
    },
    hooks: {
      setCursor: [onCursor],
      setSelect: [(plot) => select(plot, onZoom)],
      ready: [
        (plot) => plot.over.addEventListener("dblclick", () => onZoom(undefined)),
        (plot) => touchZoom(plot.over, range, onZoom),
      ],
    },
  };
  return new uPlot(options, data, place);
}
