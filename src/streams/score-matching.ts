import { concatMap, defer, EMPTY, type OperatorFunction } from "rxjs";
import { floats, hasColumn, select, withColumns, type Batch } from "../data/batch.ts";
import type { LossInputs, ScoreNetwork } from "../models/score-network.ts";
import { randomKey } from "../base/random.ts";
import type { TrainState } from "../training/train-state.ts";
import type { TimeDensity } from "../sde/draw-time.ts";
import { requireSameSde } from "../sde/score-function.ts";
import type { SDE } from "../sde/sde.ts";
import { gradientOf, type Gradient } from "./gradient.ts";
import { requireColumns } from "./places.ts";
import { seedOf } from "./seed-of.ts";
import { useOnce } from "./use-once.ts";

/**
 * The weighting of the loss at time t. "original": sigma^2, the weighting of Song et al. 2020. "likelihood": g^2; the
 * loss then bounds the negative log-likelihood. "importance" and "velocity": the same in expectation, up to the
 * constant Z, if `sampleTime` draws the times with the density "likelihood" or "velocity". As in the reference, the
 * loss is not multiplied by Z.
 */
export type Weighting = "original" | "likelihood" | "importance" | "velocity";

/** Returns the density of times that belongs to a weighting. */
export function densityOf(weighting: Weighting): TimeDensity {
  if (weighting === "importance") return "likelihood";
  return weighting === "velocity" ? "velocity" : "uniform";
}

/** Factor of each weighting on |sigma score + z|^2. For g^2 |score + z / sigma|^2, it is g^2 / sigma^2. */
const WEIGHTS: Readonly<Record<Weighting, (sde: SDE, t: number) => number>> = {
  original: () => 1,
  likelihood: (sde, t) => (sde.diffusion(t) / sde.std(t)) ** 2,
  importance: () => 1,
  velocity: (sde, t) => 1 + (sde.std(t) / sde.meanCoeff(t)) ** 2,
};

/** Returns the factor of a weighting on each example's loss. */
export const lossWeight = (weighting: Weighting): ((sde: SDE, t: number) => number) => WEIGHTS[weighting];

/** z + sigma r x(t), r being the factor of x(t) in the score. */
function targetOf(noise: Float32Array, perturbed: Float32Array, inputScale: ArrayLike<number>): Float32Array {
  const dims = noise.length / inputScale.length;
  return noise.map((z, i) => z + inputScale[Math.floor(i / dims)]! * perturbed[i]!);
}

/** Relative distance of x(t) from alpha_t x(0) + sigma_t z that rounding to float32 cannot explain. */
const ROUNDING = 1e-3;

/**
 * Checks, by its first number, that a batch was perturbed by this SDE.
 *
 * @throws RangeError when it was perturbed by another SDE.
 */
export function requirePerturbedBy(batch: Batch<"t" | "noise" | "perturbed">, sde: SDE): void {
  if (!hasColumn(batch, "data") || batch.size === 0) return;
  const [data, noise, perturbed] = (["data", "noise", "perturbed"] as const).map(
    (name) => floats(batch, name).data[0]!,
  );
  const t = floats(batch, "t").data[0]!;
  const [mean, spread] = [sde.meanCoeff(t) * data!, sde.std(t) * noise!];
  const expected = mean + spread;
  if (!(Math.abs(perturbed! - expected) > ROUNDING * (1e-3 + Math.abs(mean) + Math.abs(spread)))) return;
  throw new RangeError(
    `scoreMatching: the batch was perturbed by another SDE than the ${sde.name} given; ` +
      "give sampleTime, perturb and scoreMatching the SDE of the session",
  );
}

/** Computes the inputs of the denoising score matching loss for a batch. */
export function lossInputs(batch: Batch<"t" | "noise" | "perturbed">, sde: SDE, weighting: Weighting): LossInputs {
  const t = floats(batch, "t").data;
  const noise = floats(batch, "noise").data;
  const perturbed = floats(batch, "perturbed").data;
  const { inputScale } = sde;
  const scales = inputScale && Float64Array.from(t, (t) => sde.std(t) * inputScale.call(sde, t));
  return {
    perturbed,
    noise: scales ? targetOf(noise, perturbed, scales) : noise,
    timeCondition: t.map((t) => sde.timeCondition(t)),
    outputScale: t.map((t) => sde.std(t) * sde.scoreScale(t)),
    weight: t.map((t) => WEIGHTS[weighting](sde, t)),
  };
}

/** @throws RangeError for importance weighting with an SDE that has no importance weight. */
export function checkWeighting(operator: string, sde: SDE, weighting: Weighting): void {
  if (weighting === "importance" && !sde.importance) {
    throw new RangeError(`${operator}: the ${sde.name} SDE has no importance weight; use "likelihood" or "original"`);
  }
}

export interface ScoreMatchingOptions {
  readonly weighting: Weighting;
  readonly seed: number;
  /**
   * Once aborted, steps whose first shard is waiting here are dropped, so a stop does not wait for them. Leave it out
   * when peers share the shards, because they need them.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Computes the denoising score matching loss of each example, and its gradient with respect to the parameters of
 * `state`.
 *
 * The engine computes in another thread, while loading, perturbing and watchers continue. Batches that arrive meanwhile
 * wait here in order. The credit of their source limits their number.
 *
 * @example
 * ```ts
 * perturbedBatches.pipe(scoreMatching(network, sde, state, { weighting: "importance", seed: 1 }));
 * ```
 * @returns One {@link Gradient} per batch; its device column is freed once the later stages have used it.
 * @throws RangeError when the network belongs to another SDE, or the weighting is "importance" and the SDE has no
 *   importance weight; as a notification when a column is missing, or the batch was perturbed by another SDE.
 * @see Song et al. 2021, equation (7) and Section 5.1; the reference's losses.py get_sde_loss_fn
 */
export function scoreMatching(
  network: ScoreNetwork,
  sde: SDE,
  state: Pick<TrainState, "parameters">,
  { weighting, seed, signal }: ScoreMatchingOptions,
): OperatorFunction<Batch<"t" | "noise" | "perturbed">, Gradient<"shard">> {
  requireSameSde("scoreMatching", network, sde);
  checkWeighting("scoreMatching", sde, weighting);
  const gradient = (batch: Batch<"t" | "noise" | "perturbed">) =>
    useOnce(
      async () => {
        requireColumns("scoreMatching", batch, "perturbed", "noise", "t");
        requirePerturbedBy(batch, sde);
        const key = randomKey(seedOf(seed, batch.info), "dropout", batch.info.step, batch.info.shard);
        const result = await network.lossAndGradient(state.parameters, lossInputs(batch, sde, weighting), key);
        return { ...result, dispose: () => result.gradient.dispose() };
      },
      ({ losses, gradient }) =>
        gradientOf("shard", withColumns(select(batch, "t"), { loss: { data: losses, shape: [] } }), gradient),
    );
  return (source) =>
    defer(() => {
      let over = false;
      return source.pipe(
        concatMap((batch) => {
          over ||= signal?.aborted === true && batch.info.shard === 0;
          return over ? EMPTY : gradient(batch);
        }),
      );
    });
}
