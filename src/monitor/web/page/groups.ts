/** Runs that have one value of a setting, as one curve: their mean, and between which values they lie. */
import type { Points } from "./curves.ts";
import type { NodeRecord } from "./store.ts";
import type { Settings } from "./settings.ts";

export interface RunGroup {
  /** "lr=0.001 (5 runs)". */
  readonly label: string;
  readonly nodes: readonly NodeRecord[];
}

export interface MeanBand {
  readonly mean: Points;
  readonly low: Points;
  readonly high: Points;
}

/** Places at most at which a mean is taken; more than a screen has pixels. */
const PLACES = 2000;

/** Nodes by the value that their run has of a setting, in the order of their coming. */
export function groupsBy(setting: string, nodes: readonly NodeRecord[], { values }: Settings): RunGroup[] {
  const groups = new Map<string, NodeRecord[]>();
  for (const node of nodes) {
    const value = (values.get(node.run)?.get(setting) ?? "unknown").replaceAll('"', "");
    groups.set(value, [...(groups.get(value) ?? []), node]);
  }
  const name = setting.slice(setting.lastIndexOf(".") + 1);
  return [...groups].map(([value, members]) => {
    const runs = new Set(members.map(({ run }) => run)).size;
    return { label: `${name}=${value} (${runs} ${runs === 1 ? "run" : "runs"})`, nodes: members };
  });
}

/** A curve's values at ascending places, on the straight lines between its points; NaN beyond its ends and in gaps. */
function valuesAt({ x, y }: Points, places: readonly number[]): number[] {
  let i = 0;
  return places.map((at) => {
    while (i + 1 < x.length && x[i + 1]! <= at) i++;
    const [from, to] = [x[i]!, x[i + 1]];
    if (at < from || (to === undefined && at > from)) return NaN;
    return to === undefined || at === from ? y[i]! : y[i]! + ((at - from) / (to - from)) * (y[i + 1]! - y[i]!);
  });
}

/** Mean, smallest and largest of curves at every place that one of them has, over those that reach it. */
export function meanBand(curves: readonly Points[]): MeanBand {
  const all = [...new Set(curves.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const stride = Math.ceil(all.length / PLACES);
  const x = all.filter((_, i) => i % stride === 0 || i === all.length - 1);
  const columns = curves.map((points) => valuesAt(points, x));
  const over = (fold: (values: readonly number[]) => number) => ({
    x,
    y: x.map((_, i) => {
      const values = columns.map((column) => column[i]!).filter(Number.isFinite);
      return values.length === 0 ? NaN : fold(values);
    }),
  });
  return {
    mean: over((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    low: over((values) => Math.min(...values)),
    high: over((values) => Math.max(...values)),
  };
}
