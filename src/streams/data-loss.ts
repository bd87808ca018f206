import type { OperatorFunction } from "rxjs";
import type { Batch } from "../data/batch.ts";
import type { ScoreNetwork } from "../models/score-network.ts";
import type { TrainState } from "../training/train-state.ts";
import type { SDE } from "../sde/sde.ts";
import { perturb } from "./perturb.ts";
import { sampleTime } from "./sample-time.ts";
import { scoreMatchingLoss } from "./score-matching-loss.ts";
import { densityOf, type Weighting } from "./score-matching.ts";

/** Options of {@link dataLoss}. */
export interface DataLossOptions {
  readonly weighting: Weighting;
  /** Smallest time that is drawn. */
  readonly eps: number;
  readonly seed: number;
}

/**
 * Computes the training loss of each example with the averaged parameters, without dropout. Each example gets one time
 * and one noise.
 *
 * @example
 * ```ts
 * dataBatches.pipe(dataLoss(network, sde, state, { weighting: "likelihood", eps: 1e-5, seed: 1 }));
 * ```
 * @returns Batches with `loss`, float32 [].
 * @throws RangeError in the cases of {@link sampleTime} and {@link scoreMatchingLoss}.
 * @see the reference's run_lib.py evaluate, `enable_loss`
 */
export function dataLoss(
  network: ScoreNetwork,
  sde: SDE,
  state: TrainState,
  { weighting, eps, seed }: DataLossOptions,
): OperatorFunction<Batch<"data">, Batch<"loss">> {
  const times = sampleTime<"data">(sde, { eps, density: densityOf(weighting), seed });
  const noise = perturb<"data" | "t">(sde, { seed });
  const loss = scoreMatchingLoss(network, sde, state, { weighting });
  return (source) => source.pipe(times, noise, loss);
}
