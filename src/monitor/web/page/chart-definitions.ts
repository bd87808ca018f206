/** The charts there are. */
import type { ChartOptions } from "./chart.ts";
import { bytesText, number, seconds } from "./format.ts";

export interface Definition extends ChartOptions {
  /** Metrics that are drawn in it, with what is added to the run's name. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly marks?: boolean;
}

/** Bits/dim by the kind of the evaluation; `evaluationName` makes the names. */
const BITS = {
  ...{ "eval/bpd": "ODE", "eval/bound": "bound" },
  ...{ "eval/bpd_variational": "ODE, variational", "eval/bound_variational": "bound, variational" },
  ...{ "eval/bpd_train": "ODE, train", "eval/bound_train": "bound, train" },
};

export const DEFINITIONS: readonly Definition[] = [
  { id: "loss", title: "Loss", metrics: { "train/loss": "" }, format: number, log: true, smooth: true },
  { id: "grad", title: "Gradient norm", metrics: { "train/grad_norm": "" }, format: number, log: true, smooth: true },
  { id: "lr", title: "Learning rate", metrics: { "train/learning_rate": "" }, format: number },
  { id: "speed", title: "Images/s", metrics: { "train/images_per_second": "" }, format: number, smooth: true },
  { id: "bits", title: "Bits/dim", metrics: BITS, format: number, marks: true },
  { id: "memory", title: "Memory", metrics: { "process/rss_bytes": "" }, format: bytesText, binary: true },
];

/** Metrics that the graph of the pipeline and the tiles show already. */
export const DRAWN = new Set(["train/seconds_per_step", ...DEFINITIONS.flatMap(({ metrics }) => Object.keys(metrics))]);

/** The chart of a metric that has no other. */
export function otherDefinition(name: string, unit: string, id: string): Definition {
  const format = unit === "s" ? seconds : unit === "By" ? bytesText : number;
  const title = unit === "1" ? name : `${name} (${unit})`;
  return { id, title, metrics: { [name]: "" }, format, log: true, smooth: true, binary: unit === "By" };
}
