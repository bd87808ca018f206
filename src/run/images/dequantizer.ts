/**
 * The variational dequantizer of an image pipeline. It is trained by the bound through the score model, which stays
 * fixed.
 */
import { concat, defer, EMPTY, identity, pipe, type Observable, type OperatorFunction } from "rxjs";
import type { Batch } from "../../data/batch.ts";
import { evaluationOrder } from "../../data/evaluation-order.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import type { FormName } from "../../models/flowpp/form.ts";
import { accumulate } from "../../streams/accumulate.ts";
import { adam } from "../../streams/adam.ts";
import { captureState } from "../../streams/capture-state.ts";
import { checkpoint } from "../../streams/checkpoint.ts";
import { withCredit } from "../../streams/credit.ts";
import { dequantizationLoss } from "../../streams/dequantization-loss.ts";
import { unitImage } from "../../streams/dequantize.ts";
import { ema } from "../../streams/ema.ts";
import { flip } from "../../streams/flip.ts";
import { goBack } from "../../streams/go-back.ts";
import type { Gradient } from "../../streams/gradient.ts";
import { trainBatches } from "../../streams/batches.ts";
import { record } from "../../streams/record.ts";
import { sumWindow } from "../../streams/sum-window.ts";
import { dequantizerOutcome, dequantizerSession, type DequantizerSession } from "../dequantizer-session.ts";
import { compiles, evaluationSeed } from "../from-config.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";

type Use = (dequantizer: DequantizerSession) => Observable<RunEvent>;

export interface ImageDequantizer {
  /** Opens the trained dequantizer for `use`. */
  with(use: Use): Observable<RunEvent>;
  /** Trains the dequantizer, then runs `after` unless the run is told to stop. */
  train(after: Use): Observable<RunEvent>;
}

/** Trains a dequantizer with the score model of the session. */
export type DequantizerTraining = (
  context: RunContext,
  session: Session,
  images: ImageDataset,
  dequantizer: DequantizerSession,
) => Observable<RunEvent>;

/** The training of a dequantizer. */
export interface DequantizerLoop {
  readonly data: ImageDataset;
  readonly dequantizer: DequantizerSession;
  /** Stages from images to the gradient of a shard, for example augmentation and `dequantizationLoss`. */
  readonly stages: OperatorFunction<Batch<"image">, Gradient<"shard">>;
}

/**
 * Trains the dequantizer by the gradients of `stages` and the configuration, with Adam, average, checkpoints and
 * metrics.
 *
 * @example
 * ```ts
 * const stages = dequantizationLoss(dequantizer.loss, sde, dequantizer.state, {
 *   ...{ score: state.average, eps: 1e-5, importance: true, centered: true, seed: 1 },
 * });
 * dequantizerLoop(context, session, { data: dataset, dequantizer, stages });
 * ```
 * @returns Progress and metrics. The stream starts at the dequantizer's step and completes after `dequantizer.steps`.
 */
export function dequantizerLoop(
  { config, engine, signal }: RunContext,
  { tell }: Session,
  { data, dequantizer: { state, store }, stages }: DequantizerLoop,
): Observable<RunEvent> {
  const { steps, batchSize, lr, emaRate } = config.dequantizer;
  const { shards, checkpointEvery, logEvery, onDivergence } = config.training;
  const compile = compiles({ config, engine });
  const batches = { batchSize, shards, seed: evaluationSeed(config), to: steps, signal };

  return withCredit(2 * shards, (credit) =>
    goBack(state, { onDivergence, credit, shards, tell, prefix: "train_deq" }, (start) =>
      trainBatches(data, "image", { ...batches, ...start }).pipe(
        stages,
        accumulate(shards),
        adam(state, { ...config.optim, lr, decaySteps: steps, compile }),
      ),
    ).pipe(
      ema(state, { rate: emaRate, compile }),
      sumWindow(state, { steps, every: logEvery }),
      captureState(state, { every: [checkpointEvery] }),
      checkpoint(state, store, { every: checkpointEvery, signal }),
      credit.refund(shards),
      record({
        ...{ steps, every: logEvery, batchSize, name: "training the dequantizer", prefix: "train_deq" },
        ...{ lossUnit: "bits/dim", window: state.window },
      }),
    ),
  );
}

/**
 * Trains the dequantizer by its bound through the score model, on images mirrored according to the configuration.
 *
 * @see Song et al. 2021, Section 5.2; the reference's run_lib.py train_deq
 */
export const trainByBound: DequantizerTraining = (context, session, data, dequantizer) => {
  const { config } = context;
  const { sde, state: model } = session;
  const { centered, randomFlip } = config.data;
  const [seed, eps, importance] = [evaluationSeed(config), config.training.smallestTime, sde.importance !== undefined];
  const score = { score: model.average, eps, importance };
  const stages = pipe(
    randomFlip ? flip<"image">({ seed }) : identity,
    dequantizationLoss(dequantizer.loss, sde, dequantizer.state, { ...score, centered, seed }),
  );
  return dequantizerLoop(context, session, { data, dequantizer, stages });
};

/** Opens the dequantizer of a pipeline, to train it by `learn` or to draw with it. */
export function imageDequantizer(
  context: RunContext,
  session: Session,
  data: ImageDataset,
  { form, learn }: { readonly form: FormName; readonly learn: DequantizerTraining },
): ImageDequantizer {
  const { config, signal } = context;
  const first = evaluationOrder(data.length, config.dequantizer.batchSize);
  const firstImages = () => unitImage(data.gather(first));
  const importance = session.sde.importance !== undefined;
  const withDequantizer = (use: Use) =>
    dequantizerSession(context, session, { form, shape: data.shape, importance, firstImages }, use);
  return {
    with: withDequantizer,
    train: (after) =>
      withDequantizer((own) =>
        concat(
          learn(context, session, data, own),
          dequantizerOutcome(own),
          defer(() => (signal.aborted ? EMPTY : after(own))),
        ),
      ),
  };
}
