/** The quantity on the horizontal axis of the charts. */
import type { Points } from "./curves.ts";
import { durationText } from "./format.ts";
import type { Series } from "./series.ts";
import type { NodeRecord } from "./store.ts";

export const AXES = ["step", "relative", "wall"] as const;
/** Steps; seconds since a node's first metric; seconds since 1970. */
export type AxisKind = (typeof AXES)[number];

export const AXIS_NAMES: Readonly<Record<AxisKind, string>> = {
  step: "step",
  relative: "time since start",
  wall: "time of day",
};

/** ms since 1970 of a node's first metric. */
export function startOf({ series }: Pick<NodeRecord, "series">): number {
  return Math.min(...[...series.values()].map(({ times }) => times[0]!));
}

/** A series along an axis. Times that do not grow keep the newest of their values, so that x is strictly ascending. */
export function pointsOn({ steps, values, times }: Series, axis: AxisKind, start: number): Points {
  if (axis === "step") return { x: [...steps], y: [...values] };
  const [x, y]: [number[], number[]] = [[], []];
  const origin = axis === "relative" ? start : 0;
  times.forEach((time, i) => {
    const at = (time - origin) / 1000;
    const last = x.length - 1;
    if (x.length > 0 && at <= x[last]!) {
      y[last] = values[i]!;
      return;
    }
    x.push(at);
    y.push(values[i]!);
  });
  return { x, y };
}

const day = (seconds: number) => new Date(1000 * seconds);

/** A place on an axis in words. */
export function placeText(axis: AxisKind, x: number): string {
  if (axis === "step") return `step ${Math.round(x).toLocaleString("en")}`;
  return axis === "relative" ? durationText(Math.max(0, x)) : day(x).toLocaleString("en", { hour12: false });
}

/** A mark of an axis; `apart` is the distance of two marks. */
export function markText(axis: AxisKind, x: number, apart: number): string {
  if (axis === "step") return x.toLocaleString("en");
  if (axis === "relative") return x === 0 ? "0" : durationText(x);
  const form: Intl.DateTimeFormatOptions =
    apart >= 86_400
      ? { month: "short", day: "numeric" }
      : { hour: "2-digit", minute: "2-digit", ...(apart < 60 && { second: "2-digit" }) };
  return day(x).toLocaleString("en", { ...form, hour12: false });
}

/** Distances of marks that people count time in, in seconds. */
export const TIME_MARKS = [1, 2, 5, 10, 15, 30]
  .flatMap((count) => [count, 60 * count])
  .concat([1, 2, 3, 6, 12].map((hours) => 3600 * hours))
  .concat([1, 2, 7, 14, 28, 84, 364].map((days) => 86_400 * days))
  .concat([0.001, 0.01, 0.1, 0.5])
  .sort((a, b) => a - b);
