/** The looks of a chart. */
import uPlot from "uplot";
import { colour } from "./theme.ts";

/** A line of a plot. */
export interface PlotLine {
  /** A CSS variable. */
  readonly colour: string;
  /** Marks each point: few values, far apart. */
  readonly marks?: boolean;
  readonly dashed?: boolean;
  /** Stands behind its smoothed form. */
  readonly pale?: boolean;
}

export interface PlotOptions {
  readonly lines: readonly PlotLine[];
  /** Uses a logarithmic y axis. */
  readonly log: boolean;
  /** Marks the y axis at multiples of powers of 2. */
  readonly binary: boolean;
  readonly format: (value: number) => string;
  readonly onCursor: () => void;
  /** Receives the range of steps that was dragged over; undefined: all again. */
  readonly onZoom: (zoom: readonly [number, number] | undefined) => void;
}

/** Height in CSS pixels. */
export const HEIGHT = 210;
const POWERS = Array.from({ length: 50 }, (_, i) => 2 ** i);
/** Drags of fewer pixels are clicks. */
const SLIP = 3;

function series({ colour: variable, marks = false, dashed = false, pale = false }: PlotLine): uPlot.Series {
  const points = { show: marks, size: 7, fill: colour("--card") };
  const looks = { stroke: colour(variable), width: pale ? 1 : 1.6, alpha: pale ? 0.28 : 1, points };
  return dashed ? { ...looks, dash: [5, 4] } : looks;
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
  { lines, log, binary, format, onCursor, onZoom }: PlotOptions,
  data: uPlot.AlignedData,
  place: HTMLElement,
): uPlot {
  const common = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  const steps = (_: uPlot, splits: number[]) => splits.map((step) => step.toLocaleString("en"));
  const values = (_: uPlot, splits: (number | null)[]) => splits.map((value) => (value === null ? "" : format(value)));
  const options: uPlot.Options = {
    width: place.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 22, 0, 0],
    scales: { x: { time: false, auto: false }, y: { distr: log ? 3 : 1 } },
    axes: [
      { ...common, size: 26, space: 60, values: steps },
      { ...common, size: 62, values, ...(binary && { incrs: POWERS }) },
    ],
    series: [{}, ...lines.map(series)],
    cursor: { sync: { key: "steps" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
    hooks: {
      setCursor: [onCursor],
      setSelect: [(plot) => select(plot, onZoom)],
      ready: [(plot) => plot.over.addEventListener("dblclick", () => onZoom(undefined))],
    },
  };
  return new uPlot(options, data, place);
}
