/** The standard training of a score model, from batches to checkpoints, in one function. */
import { EMPTY, pipe, type Observable, type OperatorFunction } from "rxjs";
import type { Batch } from "../data/batch.ts";
import type { Examples } from "../data/examples.ts";
import { Meter } from "../metrics/meter.ts";
import { trainBatches } from "../streams/batches.ts";
import { betweenSteps, type Look } from "../streams/between-steps.ts";
import { captureState } from "../streams/capture-state.ts";
import { checkpoint } from "../streams/checkpoint.ts";
import { withCredit } from "../streams/credit.ts";
import { ema } from "../streams/ema.ts";
import { goBack } from "../streams/go-back.ts";
import { perturb } from "../streams/perturb.ts";
import { record } from "../streams/record.ts";
import { sampleTime } from "../streams/sample-time.ts";
import { densityOf } from "../streams/score-matching.ts";
import { stagesOf, type Stage } from "../streams/stage.ts";
import { sumWindow } from "../streams/sum-window.ts";
import { compiles, weightingOf } from "./from-config.ts";
import { gradientUpdates, roundUpdates } from "./updates.ts";
import type { RunContext, RunEvent } from "./pipeline.ts";
import type { Session } from "./session.ts";

/** The data of a training, and the stages that differ between trainings. */
export interface TrainingLoop<C extends "image" | "data" = "image" | "data"> {
  /** Examples to train on. */
  readonly data: Examples;
  /**
   * Name of the examples' column: "image" for bytes [H, W, C], "data" for floats of any shape. Write it as a literal in
   * the call, because the compiler derives the types of `stages` from it.
   */
  readonly column: C;
  /** Stages from the examples to `data`, for example augmentation and dequantization; `stage` can name each one. */
  readonly stages: (stage: Stage) => OperatorFunction<Batch<C>, Batch<"data">>;
  /** Looks at the run every `training.snapshotEvery` steps. */
  readonly look?: Look;
}

/**
 * Trains the session's network by the configuration, with times, perturbation, score matching, Adam, average,
 * checkpoints and metrics. `pipelines/cifar10.ts` shows the same parts one by one.
 *
 * @example
 * ```ts
 * trainingLoop(context, session, { data: examples, column: "data", stages: () => identity });
 * ```
 * @returns Progress and metrics. The stream starts at the session's step and completes after `training.steps`.
 * @throws RangeError when `training.batchSize` is not a multiple of `training.shards`.
 * @see Song et al. 2021, Sections 4 and 5
 */
export function trainingLoop(
  context: RunContext,
  session: Session,
  loop: TrainingLoop<"image"> | TrainingLoop<"data">,
): Observable<RunEvent>;
export function trainingLoop<C extends "image" | "data">(
  context: RunContext,
  session: Session,
  { data, column, stages, look }: TrainingLoop<C>,
): Observable<RunEvent> {
  const { config, signal, engine } = context;
  const { sde, state, store, peers, tell } = session;
  const { training, model, seed } = config;
  const { batchSize, shards, steps, smallestTime: eps, checkpointEvery, snapshotEvery, logEvery } = training;
  const compile = compiles({ config, engine });
  const every = look ? snapshotEvery : 0;
  const meter = new Meter();
  const stage = stagesOf(meter);
  const stratified = training.stratifiedTimes;
  const density = densityOf(weightingOf(config));
  const updates = peers.alone || peers.rounds === undefined ? gradientUpdates : roundUpdates;
  // A value at the end counts for this many batches and this many steps.
  const [parts, stride] = peers.alone ? [shards, 1] : [peers.shards, peers.rounds ?? 1];

  return withCredit(2 * parts, (credit) => {
    // The page shows stages in the order in which they are named here.
    const perturbed = pipe(
      stages(stage),
      stage("times", sampleTime(sde, { eps, density, stratified, seed })),
      stage("perturb", perturb(sde, { seed })),
    );
    const { pace, operator } = updates(context, session, { meter, stage });
    const batches = { batchSize, shards, seed, to: steps, signal, peers, pace };
    return goBack(state, { onDivergence: training.onDivergence, credit, shards: parts, tell }, (start) =>
      trainBatches(data, column, { ...batches, ...start }).pipe(perturbed, operator),
    ).pipe(
      stage("ema", ema(state, { rate: model.emaRate, rates: model.emaRates, stride, compile })),
      sumWindow(state, { steps, every: logEvery, stride }),
      captureState(state, { every: [checkpointEvery, every] }),
      stage("checkpoint", checkpoint(state, store, { every: checkpointEvery, signal })),
      betweenSteps(look ?? (() => EMPTY), { every, last: steps, meter, tell, signal, resume: { state, store } }),
      credit.refund(parts),
      record({ steps, every: logEvery, batchSize, stride, meter, window: state.window }),
    );
  });
}
