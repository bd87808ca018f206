import { concatMap, type OperatorFunction } from "rxjs";
import { floats, select, withColumns, type Batch } from "../data/batch.ts";
import type { LossInputs, ScoreNetwork } from "../models/score-network.ts";
import { randomKey } from "../base/random.ts";
import type { TrainState } from "../training/train-state.ts";
import type { SDE } from "../sde/sde.ts";
import { gradientOf, type Gradient } from "./gradient.ts";
import { useOnce } from "./use-once.ts";

/**
 * How the loss at time t is weighted. "original": sigma^2, the weighting of Song et al. 2020. "likelihood": g^2, whose
 * loss bounds the negative log-likelihood. "importance": the same in expectation up to the constant Z, for times drawn
 * by `sampleTime` with `importance: true`; not multiplied by Z, as in the reference.
 */
export type Weighting = "original" | "likelihood" | "importance";

/** Denoising score matching inputs of a batch. */
export function lossInputs(batch: Batch<"t" | "noise" | "perturbed">, sde: SDE, weighting: Weighting): LossInputs {
  const t = floats(batch, "t").data;
  // All three are losses of |sigma score + z|^2; g^2 |score + z / sigma|^2 is that times g^2 / sigma^2.
  const weight = (t: number) => (weighting === "likelihood" ? (sde.diffusion(t) / sde.std(t)) ** 2 : 1);
  return {
    perturbed: floats(batch, "perturbed").data,
    noise: floats(batch, "noise").data,
    timeCondition: t.map((t) => sde.timeCondition(t)),
    outputScale: t.map((t) => sde.std(t) * sde.scoreScale(t)),
    weight: t.map(weight),
  };
}

/** @throws RangeError for importance weighting with an SDE that has no importance weight. */
export function checkWeighting(operator: string, sde: SDE, weighting: Weighting): void {
  if (weighting === "importance" && !sde.importance) {
    throw new RangeError(`${operator}: the ${sde.name} SDE has no importance weight; use "likelihood" or "original"`);
  }
}

/**
 * The denoising score matching loss of each example and its gradient in the parameters of `state`.
 *
 * The engine computes in another thread: batches that come meanwhile wait here in order, as many as the credit of their
 * source lets out, while loading, perturbing and watchers go on.
 *
 * @returns One {@link Gradient} per batch; its device column lives until the stages behind have taken it.
 * @see Song et al. 2021, equation (7) and Section 5.1; the reference's losses.py get_sde_loss_fn
 */
export function scoreMatching(
  network: ScoreNetwork,
  sde: SDE,
  state: TrainState,
  { weighting, seed }: { readonly weighting: Weighting; readonly seed: number },
): OperatorFunction<Batch<"t" | "noise" | "perturbed">, Gradient<"shard">> {
  checkWeighting("scoreMatching", sde, weighting);
  return concatMap((batch) =>
    useOnce(
      async () => {
        const key = randomKey(seed, "dropout", batch.info.step, batch.info.shard);
        const result = await network.lossAndGradient(state.parameters, lossInputs(batch, sde, weighting), key);
        return { ...result, dispose: () => result.gradient.dispose() };
      },
      ({ losses, gradient }) =>
        gradientOf("shard", withColumns(select(batch, "t"), { loss: { data: losses, shape: [] } }), gradient),
    ),
  );
}
