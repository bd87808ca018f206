import { concatMap, type OperatorFunction } from "rxjs";
import { select, withColumns, type Batch } from "../data/batch.ts";
import type { ScoreNetwork } from "../models/score-network.ts";
import type { TrainState } from "../training/train-state.ts";
import { requireSameSde } from "../sde/score-function.ts";
import type { SDE } from "../sde/sde.ts";
import { requireColumns } from "./places.ts";
import { checkWeighting, lossInputs, requirePerturbedBy, type Weighting } from "./score-matching.ts";

/**
 * Computes the denoising score matching loss of each example with the averaged parameters, without dropout or gradient.
 *
 * @returns Batches with `t` and `loss`, float32 [].
 * @see the reference's losses.py get_step_fn(train=False)
 */
export function scoreMatchingLoss(
  network: ScoreNetwork,
  sde: SDE,
  state: TrainState,
  { weighting }: { readonly weighting: Weighting },
): OperatorFunction<Batch<"t" | "noise" | "perturbed">, Batch<"t" | "loss">> {
  requireSameSde("scoreMatchingLoss", network, sde);
  checkWeighting("scoreMatchingLoss", sde, weighting);
  return concatMap(async (batch) => {
    requireColumns("scoreMatchingLoss", batch, "perturbed", "noise", "t");
    requirePerturbedBy(batch, sde);
    const losses = await network.losses(state.average, lossInputs(batch, sde, weighting));
    return withColumns(select(batch, "t"), { loss: { data: losses, shape: [] } });
  });
}
