/** The phases that a run will have, for an estimate of its time. */
import type { RunPhase } from "../metrics/run-state.ts";
import type { Config } from "./config.ts";
import type { RunContext } from "./pipeline.ts";

export interface PlannedPhase {
  readonly phase: RunPhase;
  /** Units of work: steps, images. */
  readonly total: number;
  /** Cost of a unit, in forward passes of the network for one example. */
  readonly weight: number;
}

/** Forward passes that a gradient costs, the forward pass included. */
const GRADIENT = 3;
/** Evaluations of the network that the ODE's solver takes for an example, roughly. */
const SOLVER = 150;
/** Examples of a snapshot, and the times of its bound. */
const [LOOKED_AT, LOOKED_TIMES] = [16, 32];

const samplerWeight = ({ sampling, model }: Config) =>
  sampling.method === "ode" ? SOLVER : model.numScales * (1 + sampling.nStepsEach);

const boundWeight = ({ eval: { boundForm } }: Config, times: number) => times * (boundForm === "dsm" ? 1 : GRADIENT);

function evaluations(config: Config): PlannedPhase[] {
  const { loss, numImages, repeats, boundTimes } = config.eval;
  const total = numImages * repeats;
  return [
    ...(loss ? [{ phase: "evaluating_loss", total, weight: 1 } as const] : []),
    { phase: "evaluating_likelihood", total, weight: SOLVER * GRADIENT },
    { phase: "evaluating_bound", total, weight: boundWeight(config, boundTimes) },
  ];
}

/** Looks between steps, the end excepted. */
function snapshots(config: Config): PlannedPhase[] {
  const { steps, snapshotEvery } = config.training;
  const total = snapshotEvery > 0 ? Math.max(0, Math.ceil(steps / snapshotEvery) - 1) : 0;
  const grids = config.training.snapshotRaw ? 2 : 1;
  const weight = LOOKED_AT * (boundWeight(config, LOOKED_TIMES) + grids * samplerWeight(config));
  return total > 0 ? [{ phase: "snapshot", total, weight }] : [];
}

/** The phases of a mode, in their order, as far as the configuration tells; totals are the largest there may be. */
export function runPlan({ mode, config }: Pick<RunContext, "mode" | "config">): PlannedPhase[] {
  const { training, sampling, dequantizer } = config;
  const drawing: PlannedPhase = { phase: "sampling", total: sampling.numSamples, weight: samplerWeight(config) };
  const trained = (total: number, batchSize: number): PlannedPhase => {
    return { phase: "training", total, weight: GRADIENT * batchSize };
  };
  switch (mode) {
    case "train":
      return [trained(training.steps, training.batchSize), ...snapshots(config), ...evaluations(config), drawing];
    case "eval":
      return evaluations(config);
    case "sample":
      return [drawing];
    case "train_deq":
      return [trained(dequantizer.steps, dequantizer.batchSize), ...evaluations(config).slice(-1)];
  }
}
