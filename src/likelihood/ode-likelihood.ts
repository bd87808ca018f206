import type { SDE } from "../sde/sde.ts";
import { gaussianLogDensity } from "./gaussian-density.ts";
import { reverseDrift } from "./reverse.ts";
import { rk45, type Rk45Options } from "./rk45.ts";
import type { ScoreFunction } from "./score-function.ts";
import { exampleSize } from "./shapes.ts";

export interface OdeLikelihoodOptions extends Rk45Options {
  /** Time at which the data enter the ODE. */
  readonly eps: number;
  /** Probe of Hutchinson's estimator, -1 or 1 (or standard normal), [B, ...shape]; the same for the whole solution. */
  readonly probe: Float32Array;
}

export interface OdeLikelihood {
  /** log p(data) of each example in nats, [B]. */
  readonly logp: Float64Array;
  /** Where the probability flow takes the data at T, [B, ...shape]. */
  readonly latent: Float32Array;
  /** Number of network evaluations. */
  readonly evaluations: number;
}

/**
 * Log-likelihood of a batch by the probability flow ODE dx/dt = a(t) x - g(t)^2 / 2 score(x, t): the log density of the
 * prior at the flow's end plus the integral of the flow's divergence.
 *
 * The batch is one system with one step size, as in the reference, so that an example's value depends within the
 * tolerance on the others of its batch. There is no correction for starting at `eps` instead of 0.
 *
 * @param data [B, ...shape].
 * @throws RangeError when data and probe do not fit the score's shape; as {@link rk45}.
 * @see Song et al. 2021, equations (4) and (5); the reference's likelihood.py get_likelihood_fn
 */
export async function odeLikelihood(
  score: ScoreFunction,
  sde: SDE,
  data: Float32Array,
  { eps, probe, ...solver }: OdeLikelihoodOptions,
): Promise<OdeLikelihood> {
  const { dims, batch } = exampleSize("odeLikelihood", score.shape, data.length, { probe: probe.length });
  const size = data.length;
  const x = new Float32Array(size);
  const times = new Float64Array(batch);
  const probeNorms = Float64Array.from(times, (_, b) =>
    probe.subarray(b * dims, (b + 1) * dims).reduce((sum, e) => sum + e * e, 0),
  );

  // State: x of all examples, then the integrated divergence of each.
  const start = new Float64Array(size + batch);
  start.set(data);
  const { y, evaluations } = await rk45(
    (t, y, out) => {
      const drift = reverseDrift(sde, t, { flow: true });
      x.set(y.subarray(0, size));
      const result = score.scoreAndDivergence(x, times.fill(t), probe);
      for (let i = 0; i < size; i++) out[i] = drift.x * y[i]! + drift.score * result.score[i]!;
      // The probe meets the linear part too: for Rademacher that is D, for normal probes it lowers the variance.
      for (let b = 0; b < batch; b++) out[size + b] = drift.x * probeNorms[b]! + drift.score * result.divergence[b]!;
    },
    eps,
    sde.T,
    start,
    solver,
  );

  const end = y.subarray(0, size);
  const logp = gaussianLogDensity(end, new Float64Array(dims), sde.priorStd);
  for (let b = 0; b < batch; b++) logp[b]! += y[size + b]!;
  return { logp, latent: Float32Array.from(end), evaluations };
}
