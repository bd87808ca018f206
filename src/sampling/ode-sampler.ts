import type { SDE } from "../sde/sde.ts";
import { reverseDrift, reverseStep } from "../sde/reverse.ts";
import { rk45Batch, type Rk45BatchOptions } from "../solvers/rk45-batch.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import { exampleSize } from "../sde/shapes.ts";

/** Options of {@link odeSample}. */
export interface OdeSampleOptions extends Rk45BatchOptions {
  /** Time at which the flow ends. */
  readonly eps: number;
  /** Add one step of the reverse diffusion's mean at `eps`, which removes the noise of that level. */
  readonly denoise: boolean;
}

/** The result of {@link odeSample}. */
export interface OdeSamples {
  /** [B, ...shape], in the range of the training data, not clipped. */
  readonly samples: Float32Array;
  /** Number of network evaluations of the solver. As in the reference, the one of the denoising step is not counted. */
  readonly evaluations: number;
}

/** Returns the mean of one reverse-diffusion step from time t. @see the reference's ReverseDiffusionPredictor */
export async function denoiseStep(score: ScoreFunction, sde: SDE, x: Float32Array, t: number): Promise<Float32Array> {
  const { batch } = exampleSize("denoiseStep", score.shape, x.length);
  const step = reverseStep(sde, t, { flow: false });
  const s = await score.score(x, new Float64Array(batch).fill(t));
  return x.map((value, i) => value - step.x * value - step.score * s[i]!);
}

/** x at the time `to` of the probability flow ODE that is at `from`. */
async function flow(
  ...[score, sde, from, to, values, solver]: [ScoreFunction, SDE, number, number, Float32Array, Rk45BatchOptions]
): Promise<OdeSamples> {
  const { batch, dims } = exampleSize("odeSample", score.shape, values.length);
  const { y, evaluations } = await rk45Batch(
    async (_, t, y, out) => {
      const s = await score.score(Float32Array.from(y), t);
      t.forEach((time, k) => {
        const drift = reverseDrift(sde, time, { flow: true });
        for (let i = k * dims; i < (k + 1) * dims; i++) out[i] = drift.x * y[i]! + drift.score * s[i]!;
      });
    },
    from,
    to,
    Float64Array.from(values),
    batch,
    solver,
  );
  return { samples: Float32Array.from(y), evaluations };
}

/**
 * Maps data from `eps` to T by the probability flow ODE; `odeSample` without denoising maps them back.
 *
 * @param data [B, ...shape].
 * @returns Latents, [B, ...shape].
 * @throws RangeError when the data do not fit the score's shape; the errors of {@link rk45Batch}.
 */
export async function odeEncode(
  score: ScoreFunction,
  sde: SDE,
  data: Float32Array,
  { eps, ...solver }: Omit<OdeSampleOptions, "denoise">,
): Promise<Float32Array> {
  return (await flow(score, sde, eps, sde.T, data, solver)).samples;
}

/**
 * Draws samples by the probability flow ODE, integrated from T down to `eps`.
 *
 * @param latent Draws from the prior N(0, priorStd^2), [B, ...shape].
 * @throws RangeError when the latent does not fit the score's shape; the errors of {@link rk45Batch}.
 * @see the reference's sampling.py get_ode_sampler
 */
export async function odeSample(
  score: ScoreFunction,
  sde: SDE,
  latent: Float32Array,
  { eps, denoise, ...solver }: OdeSampleOptions,
): Promise<OdeSamples> {
  const { samples, evaluations } = await flow(score, sde, sde.T, eps, latent, solver);
  return { samples: denoise ? await denoiseStep(score, sde, samples, eps) : samples, evaluations };
}
