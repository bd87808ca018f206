/** The time that a study would take on GPUs, from a measured step and the cost model of a run's phases. */
import { duration } from "../../base/format.ts";
import type { Config } from "../config.ts";
import type { Mode } from "../pipeline.ts";
import { runPlan } from "../run-plan.ts";
import { networkWork } from "./network-work.ts";

/** A measured speed: seconds of a forward pass for one image of the measured network. */
export interface MeasuredGpu {
  readonly name: string;
  readonly secondsPerPass: number;
  readonly network: Pick<Config["model"], "nf" | "chMult" | "numResBlocks" | "attnResolutions">;
}

/** DDPM++ of the paper: 163 ms a step of 128 images, each of three passes. @see docs/lab/performance.md, On a GPU */
export const H100: MeasuredGpu = {
  name: "H100",
  secondsPerPass: 0.163 / (3 * 128),
  network: { nf: 128, chMult: [1, 2, 2, 2], numResBlocks: 4, attnResolutions: [16] },
};

/** Height of the images. */
const SIZE = 32;

const work = (model: MeasuredGpu["network"]) => networkWork(model as Config["model"], SIZE).multiplyAdds;

/** A run that would be made. */
export interface PlannedRun {
  readonly mode: Mode;
  readonly config: Config;
  /** Steps that earlier runs of the same workdir have made. */
  readonly from?: number;
}

/** Seconds that the runs would take on one such GPU, one after another. */
export function gpuSeconds(runs: readonly PlannedRun[], gpu: MeasuredGpu = H100): number {
  const seconds = ({ mode, config, from = 0 }: PlannedRun) => {
    const passes = runPlan({ mode, config }).reduce((sum, { phase, total, weight }) => {
      const left = phase === "training" && mode === "train" ? total - from : total;
      return sum + left * weight;
    }, 0);
    return (passes * gpu.secondsPerPass * work(config.model)) / work(gpu.network);
  };
  return runs.reduce((sum, run) => sum + seconds(run), 0);
}

/** GPUs that a cost is said for. */
const COUNTS = [1, 8, 64];

/** Says in words what the runs of `cells` would cost; the longest cell bounds it from below. */
export function costText(cells: readonly (readonly PlannedRun[])[], gpu: MeasuredGpu = H100): string[] {
  const each = cells.map((runs) => gpuSeconds(runs, gpu));
  const total = each.reduce((a, b) => a + b, 0);
  const longest = Math.max(0, ...each);
  const times = COUNTS.map((count) => `${count}: ${duration(Math.max(total / count, longest))}`).join(", ");
  return [
    `cost: about ${Math.round(total / 3600).toLocaleString("en")} hours of an ${gpu.name}; on so many of them, a cell each at a time: ${times}`,
    `cost: estimated from the measured ${(1000 * gpu.secondsPerPass * 3 * 128).toFixed(0)} ms for a training step of 128 images of the paper's DDPM++, docs/lab/performance.md`,
  ];
}
