import type { SDE } from "../sde/sde.ts";
import { gaussianLogDensity } from "../sde/gaussian-density.ts";
import { reverseDrift } from "../sde/reverse.ts";
import type { BatchDerivative } from "../solvers/batch-derivative.ts";
import { rk45Batch, type Rk45BatchOptions } from "../solvers/rk45-batch.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import { exampleSize } from "../sde/shapes.ts";

/** Options of {@link odeLikelihood}. */
export interface OdeLikelihoodOptions extends Rk45BatchOptions {
  /** Time at which the data enter the ODE. */
  readonly eps: number;
  /** Probe of Hutchinson's estimator, -1 or 1 (or standard normal), [B, ...shape]; the same for the whole solution. */
  readonly probe: Float32Array;
}

/** The result of {@link odeLikelihood}. */
export interface OdeLikelihood {
  /** log p(data) of each example in nats, [B]. */
  readonly logp: Float64Array;
  /** The point at T to which the probability flow takes the data, [B, ...shape]. */
  readonly latent: Float32Array;
  /** Number of network evaluations. */
  readonly evaluations: number;
  /** Number of evaluations that included each example, [B]. */
  readonly perExample: Int32Array;
}

/** The flow of x and its divergence; the state of an example is x, then the integrated divergence. */
function flowWithDivergence(score: ScoreFunction, sde: SDE, dims: number, probe: Float32Array): BatchDerivative {
  const size = dims + 1;
  const probes = (b: number) => probe.subarray(b * dims, (b + 1) * dims);
  const norms = Float64Array.from({ length: probe.length / dims }, (_, b) =>
    probes(b).reduce((sum, e) => sum + e * e, 0),
  );
  return async (examples, t, y, out) => {
    const x = new Float32Array(examples.length * dims);
    const chosen = new Float32Array(x.length);
    examples.forEach((b, k) => {
      x.set(y.subarray(k * size, k * size + dims), k * dims);
      chosen.set(probes(b), k * dims);
    });
    const result = await score.scoreAndDivergence(x, t, chosen);
    examples.forEach((b, k) => {
      const drift = reverseDrift(sde, t[k]!, { flow: true });
      const at = k * size;
      for (let i = 0; i < dims; i++) out[at + i] = drift.x * y[at + i]! + drift.score * result.score[k * dims + i]!;
      // The probe meets the linear part too: for Rademacher that is D, for normal probes it lowers the variance.
      out[at + dims] = drift.x * norms[b]! + drift.score * result.divergence[k]!;
    });
  };
}

/**
 * Computes the log-likelihood of a batch by the probability flow ODE dx/dt = a(t) x - g(t)^2 / 2 score(x, t). It is the
 * log density of the prior at the flow's end, plus the integral of the flow's divergence.
 *
 * With the step control "batch", the batch is one system with one step size, as in the reference. The value of an
 * example then depends, within the tolerance, on the others of its batch; with "image" it does not. There is no
 * correction for starting at `eps` instead of 0.
 *
 * @param data [B, ...shape].
 * @throws RangeError when data and probe do not fit the score's shape; the errors of {@link rk45Batch}.
 * @see Song et al. 2021, equations (4) and (5); the reference's likelihood.py get_likelihood_fn
 */
export async function odeLikelihood(
  score: ScoreFunction,
  sde: SDE,
  data: Float32Array,
  { eps, probe, ...solver }: OdeLikelihoodOptions,
): Promise<OdeLikelihood> {
  const { dims, batch } = exampleSize("odeLikelihood", score.shape, data.length, { probe: probe.length });
  const size = dims + 1;
  const start = new Float64Array(batch * size);
  for (let b = 0; b < batch; b++) start.set(data.subarray(b * dims, (b + 1) * dims), b * size);
  const flow = flowWithDivergence(score, sde, dims, probe);
  const { y, ...counts } = await rk45Batch(flow, eps, sde.T, start, batch, solver);

  const end = new Float64Array(data.length);
  for (let b = 0; b < batch; b++) end.set(y.subarray(b * size, b * size + dims), b * dims);
  const logp = gaussianLogDensity(end, new Float64Array(dims), sde.priorStd);
  for (let b = 0; b < batch; b++) logp[b]! += y[b * size + dims]!;
  return { logp, latent: Float32Array.from(end), ...counts };
}
