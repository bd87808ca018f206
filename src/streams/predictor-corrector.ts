import { concatMap, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import { pcSample, seededNoise, type PcSampleOptions } from "../sampling/pc-sampler.ts";
import { requireSameSde, type ScoreFunction } from "../sde/score-function.ts";
import type { SDE } from "../sde/sde.ts";
import { requireEps } from "../sde/smallest-time.ts";
import { requireColumns } from "./places.ts";

/** Options of {@link predictorCorrector}. */
export interface PredictorCorrectorOptions extends Omit<PcSampleOptions, "noise" | "onEvaluation"> {
  readonly seed: number;
}

/**
 * Turns draws from the prior into samples by predictor-corrector sampling in the SDE's N steps.
 *
 * @example
 * ```ts
 * latentBatches.pipe(
 *   predictorCorrector(score, sde, {
 *     predictor: "reverse_diffusion",
 *     corrector: "langevin",
 *     snr: 0.16,
 *     nSteps: 1,
 *     eps: 1e-3,
 *     probabilityFlow: false,
 *     denoise: true,
 *     seed: 1,
 *   }),
 * );
 * ```
 * @returns Batches with `data` in the range of the training data, not clipped, in the shape of `latent`.
 * @throws RangeError when eps is out of range, or the score belongs to another SDE.
 * @see Score-Based Generative Modeling through SDEs, Algorithm 1; the reference's sampling.py get_pc_sampler
 */
export function predictorCorrector<C extends string>(
  score: ScoreFunction,
  sde: SDE,
  { seed, ...options }: PredictorCorrectorOptions,
): OperatorFunction<Batch<C | "latent">, Batch<NoInfer<C> | "latent" | "data">> {
  requireSameSde("predictorCorrector", score, sde);
  requireEps("predictorCorrector", sde, options.eps);
  return concatMap(async (batch) => {
    requireColumns("predictorCorrector", batch, "latent");
    const { data, shape } = floats(batch, "latent");
    const noise = seededNoise(data.length, seed, "sampling", batch.info.step);
    const { samples } = await pcSample(score, sde, data, { ...options, noise });
    return withColumns(batch, { data: { data: samples, shape } });
  });
}
