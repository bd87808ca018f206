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
 * The weighting of the loss at time t. "original": sigma^2, the weighting of Song et al. 2020. "likelihood": g^2, whose
 * loss bounds the negative log-likelihood. "importance" and "velocity": the same in expectation up to the constant Z,
 * for times drawn by `sampleTime` with the density "likelihood" or "velocity"; not multiplied by Z, as in the
 * reference.
 */
export type Weighting = "original" | "likelihood" | "importance" | "velocity";

/** The density of times that a weighting is for. */
export function densityOf(weighting: Weighting): TimeDensity {
  if (weighting === "importance") return "likelihood";
  return weighting === "velocity" ? "velocity" : "uniform";
}

/** Factor of each weighting on |sigma score + z|^2; g^2 |score + z / sigma|^2 is that times g^2 / sigma^2. */
const WEIGHTS: Readonly<Record<Weighting, (sde: SDE, t: number) => number>> = {
  original: () => 1,
  likelihood: (sde, t) => (sde.diffusion(t) / sde.std(t)) ** 2,
  importance: () => 1,
  velocity: (sde, t) => 1 + (sde.std(t) / sde.meanCoeff(t)) ** 2,
};

/** The factor of a weighting on each example's loss. */
export const lossWeight = (weighting: Weighting): ((sde: SDE, t: number) => number) => WEIGHTS[weighting];

/** z + sigma r x(t), r being the factor of x(t) in the score. */
function targetOf(noise: Float32Array, perturbed: Float32Array, inputScale: ArrayLike<number>): Float32Array {
  const dims = noise.length / inputScale.length;
  return noise.map((z, i) => z + inputScale[Math.floor(i / dims)]! * perturbed[i]!);
}

/** Relative distance of x(t) from alpha_t x(0) + sigma_t z that float32 does not explain. */
const ROUNDING = 1e-3;

/**
 * Holds a batch to the SDE that it was perturbed by, at its first number.
 *
 * @throws RangeError when it was another.
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

/** Denoising score matching inputs of a batch. */
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
   * Once aborted, steps whose first shard waits here are dropped, so that a stop need not wait for them. Leave it out
   * where shards are shared with peers, who count on them.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The denoising score matching loss of each example and its gradient in the parameters of `state`.
 *
 * The engine computes in another thread: batches that come meanwhile wait here in order, as many as the credit of their
 * source lets out, while loading, perturbing and watchers go on.
 *
 * @example
 * ```ts
 * perturbedBatches.pipe(scoreMatching(network, sde, state, { weighting: "importance", seed: 1 }));
 * ```
 * @returns One {@link Gradient} per batch; its device column lives until the stages behind have taken it.
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
