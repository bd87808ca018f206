import { perturbExamples } from "../sde/perturb.ts";
import type { SDE } from "../sde/sde.ts";
import { dsmIntegrand, expectedPriorTerm, offsetTerm, priorTerm, scoreSums, ssmIntegrand } from "./bound-terms.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import { exampleSize } from "../sde/shapes.ts";
import { turn } from "../base/turn.ts";

/** Random numbers of one time of the integral, for all examples. */
export interface BoundDraw {
  /** Times in [eps, T], [B]: uniform, or with density proportional to g^2 / sigma^2 for importance weighting. */
  readonly t: Float32Array | Float64Array;
  /** Standard normal, [B, ...shape]. */
  readonly noise: Float32Array;
  /** Rademacher, [B, ...shape]; the form "ssm" needs it. */
  readonly probe?: Float32Array;
}

/** Options of {@link variationalBound}. */
export interface BoundOptions {
  readonly eps: number;
  /** Number of times for each example, 1000 in the reference. */
  readonly times: number;
  /** True if the times were drawn with density proportional to g^2 / sigma^2. */
  readonly importance: boolean;
  /** Random numbers of the i-th time, i in [0, times). */
  readonly draw: (i: number) => BoundDraw;
  /** Denoising ("dsm") or sliced ("ssm") score matching. */
  readonly form?: "dsm" | "ssm";
  /**
   * Standard normal, [B, ...shape], for the term that corrects for starting at eps. If `undefined`, this term is left
   * out, and the result is not a bound for the data.
   */
  readonly offsetNoise: Float32Array | undefined;
  /**
   * Standard normal, [B, ...shape], for the prior term. Without it, the term's mean is used, which has a closed form.
   */
  readonly priorNoise?: Float32Array | undefined;
  /** Leave out the factor (T - eps) of uniform times, as the reference does. */
  readonly reference?: boolean;
  readonly onEvaluation?: ((evaluations: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The integral's factor at time t: its length, or one over the density of the drawn times. */
function timeFactor(sde: SDE, { eps, importance, reference = false }: BoundOptions): (t: number) => number {
  if (!importance) return () => (reference ? 1 : sde.T - eps);
  if (!sde.importance) {
    throw new RangeError(`variationalBound: the ${sde.name} SDE has no importance weight; use uniform times`);
  }
  const Z = sde.importance.cumulative(sde.T, eps);
  return (t) => Z * (sde.std(t) / sde.diffusion(t)) ** 2;
}

/** The integrand of each example at the times of one draw, [B]. */
async function integrands(score: ScoreFunction, sde: SDE, data: Float32Array, draw: BoundDraw, form: "dsm" | "ssm") {
  const { noise, probe } = draw;
  const t = Float64Array.from(draw.t);
  const dims = data.length / t.length;
  const x = perturbExamples(sde, data, noise, t);
  if (form === "dsm") {
    const s = await score.score(x, t);
    return t.map((time, b) => dsmIntegrand(sde, time, scoreSums(s, noise, dims, b), dims));
  }
  if (!probe) throw new RangeError('variationalBound: the form "ssm" needs a probe in every draw');
  const { score: s, divergence } = await score.scoreAndDivergence(x, t, probe);
  return t.map((time, b) => ssmIntegrand(sde, time, scoreSums(s, noise, dims, b).squared, divergence[b]!, dims));
}

/**
 * Estimates the variational upper bound on -log p(data), without bias. It is the mean of the prior term, plus half the
 * integral over time of the score matching integrand, plus the correction for starting at eps.
 *
 * The event loop runs between network calls.
 *
 * @param data [B, ...shape].
 * @returns Nats, [B].
 * @throws RangeError when shapes do not fit, `times` is below 1, or `importance` is set and the SDE has no importance
 *   weight; the signal's reason on abort.
 * @see Song et al. 2021, Theorem 3; the reference's bound_likelihood.py get_likelihood_bound_fn
 */
export async function variationalBound(
  score: ScoreFunction,
  sde: SDE,
  data: Float32Array,
  options: BoundOptions,
): Promise<Float64Array> {
  const { eps, times, draw, form = "dsm", offsetNoise, priorNoise, onEvaluation, signal } = options;
  const { dims, batch } = exampleSize("variationalBound", score.shape, data.length, {
    ...(offsetNoise && { offsetNoise: offsetNoise.length }),
    ...(priorNoise && { priorNoise: priorNoise.length }),
  });
  if (!(times >= 1)) throw new RangeError(`variationalBound: times must be at least 1, got ${times}`);
  const factor = timeFactor(sde, options);

  const nats = Float64Array.from({ length: batch }, (_, b) =>
    priorNoise ? priorTerm(sde, data, priorNoise, dims, b) : expectedPriorTerm(sde, data, dims, b),
  );
  for (let i = 0; i < times; i++) {
    await turn(signal);
    const drawn = draw(i);
    if (drawn.t.length !== batch) throw new RangeError(`variationalBound: ${drawn.t.length} times, ${batch} examples`);
    (await integrands(score, sde, data, drawn, form)).forEach((value, b) => {
      nats[b]! += (0.5 * factor(drawn.t[b]!) * value) / times;
    });
    onEvaluation?.(i + 1);
  }

  if (offsetNoise) {
    await turn(signal);
    const t = new Float64Array(batch).fill(eps);
    const s = await score.score(perturbExamples(sde, data, offsetNoise, t), t);
    for (let b = 0; b < batch; b++) {
      const noiseSquared = scoreSums(offsetNoise, offsetNoise, dims, b).squared;
      nats[b]! += offsetTerm(sde, eps, scoreSums(s, offsetNoise, dims, b), noiseSquared, dims);
    }
    onEvaluation?.(times + 1);
  }
  return nats;
}
