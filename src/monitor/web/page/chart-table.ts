/** A chart as text: a table of its curves, and all its values as CSV. */
import { AXIS_NAMES, placeText, type AxisKind } from "./axis.ts";
import type { Curve } from "./chart-view.ts";
import { h } from "./dom.ts";
import type { Points } from "./curves.ts";

export interface CurveSummary {
  readonly label: string;
  readonly points: number;
  /** Place and value of each. */
  readonly first: readonly [number, number];
  readonly smallest: readonly [number, number];
  readonly largest: readonly [number, number];
  readonly last: readonly [number, number];
}

/** The finite points from `min` to `max`. */
function within({ x, y }: Points, min: number, max: number): (readonly [number, number])[] {
  const all = x.map((at, i) => [at, y[i]!] as const);
  return all.filter(([at, value]) => at >= min && at <= max && Number.isFinite(value));
}

/** A curve from `min` to `max` in a few values; undefined where it has none there. */
export function curveSummary(
  { label, points }: Curve,
  [min, max]: readonly [number, number],
): CurveSummary | undefined {
  const all = within(points, min, max);
  const [first, last] = [all[0], all.at(-1)];
  if (!first || !last) return undefined;
  const smallest = all.reduce((a, b) => (b[1] < a[1] ? b : a));
  const largest = all.reduce((a, b) => (b[1] > a[1] ? b : a));
  return { label, points: all.length, first, smallest, largest, last };
}

const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** All values from `min` to `max` as CSV (RFC 4180): curve, place on the axis, value. */
export function csvOf(curves: readonly Curve[], axis: AxisKind, [min, max]: readonly [number, number]): string {
  const place = { step: "step", relative: "seconds", wall: "time" }[axis];
  const at = (x: number) => (axis === "wall" ? new Date(1000 * x).toISOString() : String(x));
  // Signs that isolate a name are for the eye.
  const name = (label: string) => quoted(label.replace(/[\u2066-\u2069]/g, ""));
  const rows = curves.flatMap(({ label, points }) => within(points, min, max).map(([x, y]) => `${name(label)},${at(x)},${y}`)); // prettier-ignore
  return ["curve," + place + ",value", ...rows, ""].join("\r\n");
}

/** The table of a chart's curves. */
export function curveTable(
  curves: readonly Curve[],
  axis: AxisKind,
  range: readonly [number, number],
  format: (value: number) => string,
): HTMLElement {
  const cell = ([x, y]: readonly [number, number]) => h("td", {}, format(y), h("small", {}, ` ${placeText(axis, x)}`));
  const rows = curves.flatMap((curve) => {
    const found = curveSummary(curve, range);
    if (!found) return [];
    const { label, points, first, smallest, largest, last } = found;
    return [h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, label || "curve")), h("td", {}, points.toLocaleString("en")), ...[first, smallest, largest, last].map(cell))]; // prettier-ignore
  });
  const heads = ["curve", "points", "first", "smallest", "largest", "last"].map((head) => h("th", { scope: "col" }, head)); // prettier-ignore
  return h("table", { class: "values" }, h("caption", {}, `Values over ${AXIS_NAMES[axis]}`), h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)); // prettier-ignore
}
