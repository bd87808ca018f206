/** Tables in Markdown. */
import { TITLES, type Engine } from "./peer.ts";
import { ratio, type Measurement } from "./rounds.ts";
import type { Spread } from "./statistics.ts";

/** Lines of a table; the cells are text already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i ? "---:" : "---"))), ...rows.map(line)].join("\n");
}

const milliseconds = (seconds: number) => (seconds * 1000).toPrecision(3);

/** "213 (209 - 240)": median, smallest and largest in milliseconds. */
export const spreadText = ({ min, median, max }: Spread) =>
  `${milliseconds(median)} (${milliseconds(min)} - ${milliseconds(max)})`;

export const megabytes = (bytes: number) => Math.round(bytes / 1e6).toLocaleString("en");

export interface MeasurementTableOptions {
  /** Unit that a measurement is divided by, in the singular. */
  readonly unit: string;
  /** The engine that ratios are taken to. */
  readonly reference: Engine;
}

/** A row for each engine: time and memory, absolute and in proportion to the reference. */
export function measurementTable(
  measurements: readonly Measurement[],
  { unit, reference }: MeasurementTableOptions,
): string {
  const to = (engine: Engine, of?: (m: Measurement) => number) =>
    ratio(measurements, engine, reference, of)?.toFixed(2) ?? "";
  return table(
    [
      "engine",
      `CPU ms a ${unit}: median (min - max)`,
      "ratio",
      `wall ms a ${unit}: median (min - max)`,
      "ratio",
      "peak MB",
      "ratio",
      "first run s",
    ],
    measurements.map((m) => [
      TITLES[m.engine],
      spreadText(m.cpu),
      to(m.engine),
      spreadText(m.wall),
      to(m.engine, ({ wall }) => wall.median),
      megabytes(m.peak),
      to(m.engine, ({ peak }) => peak),
      m.first.toFixed(1),
    ]),
  );
}
