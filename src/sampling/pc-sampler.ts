import { RunError, UsageError } from "../base/errors.ts";
import { fillNormal, randomKey } from "../base/random.ts";
import type { Move, SDE } from "../sde/sde.ts";
import { CORRECTORS, type CorrectorName } from "./correctors.ts";
import { PREDICTORS, type PredictorName } from "./predictors.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import { exampleSize } from "../sde/shapes.ts";
import { requireEps } from "../sde/smallest-time.ts";
import { turn } from "../base/turn.ts";

/**
 * Returns standard normal numbers, as many as the latent has.
 *
 * @param step Number of the time, from 0 at T.
 * @param repeat Number of the corrector's step at this time, from 0; 0 for the predictor.
 */
export type PcNoise = (purpose: "predictor" | "corrector", step: number, repeat: number) => ArrayLike<number>;

/** Options of {@link pcSample}. */
export interface PcSampleOptions {
  /** Last time; the N times of the SDE lie evenly on [eps, T]. */
  readonly eps: number;
  readonly predictor: PredictorName;
  readonly corrector: CorrectorName;
  /** Signal-to-noise ratio of the corrector. */
  readonly snr: number;
  /** Steps of the corrector at each time, the reference's `n_steps_each`. */
  readonly nSteps: number;
  /** Use the probability flow ODE as predictor, without noise. */
  readonly probabilityFlow: boolean;
  /** Leave out the noise of the last prediction. This has no effect without a predictor. */
  readonly denoise: boolean;
  readonly noise: PcNoise;
  readonly signal?: AbortSignal | undefined;
  /** Called after each network evaluation with its number, counted from 1, and its time. */
  readonly onEvaluation?: ((evaluations: number, t: number) => void) | undefined;
}

/** The result of {@link pcSample}. */
export interface PcSamples {
  /** [B, ...shape], in the range of the training data, not clipped. */
  readonly samples: Float32Array;
  /** Number of network evaluations. The reference reports N (nSteps + 1), even without predictor or corrector. */
  readonly evaluations: number;
}

/** Returns noise of `size` numbers that is a function of (seed, ...path, purpose, step, repeat). */
export function seededNoise(size: number, seed: number, ...path: readonly (number | string)[]): PcNoise {
  return (purpose, step, repeat) => {
    const noise = new Float32Array(size);
    fillNormal(randomKey(seed, ...path, purpose, step, repeat), noise);
    return noise;
  };
}

/** Returns N times from T down to eps. */
export function samplingTimes({ T, N }: SDE, eps: number): Float64Array {
  return Float64Array.from({ length: N }, (_, i) => (N > 1 ? T + (i / (N - 1)) * (eps - T) : T));
}

function check(sde: SDE, { eps, predictor, corrector, snr, nSteps }: PcSampleOptions): void {
  requireEps("pcSample", sde, eps);
  if (!Number.isInteger(nSteps) || nSteps < 1) {
    throw new RangeError(`pcSample: nSteps must be an integer of at least 1, got ${nSteps}`);
  }
  if (!(snr > 0 && snr < Infinity)) throw new RangeError(`pcSample: snr must be greater than 0, got ${snr}`);
  if (predictor === "none" && corrector === "none") {
    throw new UsageError("sampling with neither a predictor nor a corrector gives noise", "choose one of them");
  }
  // The discretization of VP and subVP, which all but Euler and Maruyama's step use, must not take away more than x.
  const discrete = corrector !== "none" || predictor !== "euler_maruyama";
  if (discrete && !(sde.discretize(sde.T).f > -1)) {
    const remedy = "sample in more steps, or with euler_maruyama and without a corrector";
    throw new UsageError(`${sde.N} steps are too few for ${sde.name} with ${predictor} and ${corrector}`, remedy);
  }
}

/** Writes the move's mean into `mean` and the moved state into `x`. */
function apply(move: Move, x: Float32Array, mean: Float32Array, score: Float32Array, z?: ArrayLike<number>): void {
  for (let i = 0; i < x.length; i++) {
    const m = move.x * x[i]! + move.score * score[i]!;
    mean[i] = m;
    x[i] = z ? m + move.noise * z[i]! : m;
  }
}

/**
 * Draws samples by predictor-corrector sampling. At each of the SDE's N times, from T down to `eps`, the corrector
 * takes its steps and then the predictor takes one. For another number of steps, pass an SDE with another N. The event
 * loop runs between evaluations.
 *
 * @param latent Draws from the prior N(0, priorStd^2 I), [B, ...shape].
 * @throws RangeError when an option is out of range or the latent does not fit the score's shape; UsageError when the
 *   SDE lacks the predictor or N is too small; RunError when the samples are no longer finite; the signal's reason on
 *   abort.
 * @see Score-Based Generative Modeling through SDEs, Algorithm 1; the reference's sampling.py get_pc_sampler
 */
export async function pcSample(
  score: ScoreFunction,
  sde: SDE,
  latent: Float32Array,
  options: PcSampleOptions,
): Promise<PcSamples> {
  const { batch } = exampleSize("pcSample", score.shape, latent.length);
  check(sde, options);
  const { eps, snr, nSteps, probabilityFlow: flow, denoise, noise, signal, onEvaluation } = options;
  const predictor = PREDICTORS[options.predictor];
  const corrector = CORRECTORS[options.corrector];
  const x = latent.slice();
  const mean = latent.slice();
  const times = samplingTimes(sde, eps);
  const column = new Float64Array(batch);
  let evaluations = 0;
  const evaluate = async (t: number) => {
    await turn(signal);
    const values = await score.score(x, column.fill(t));
    evaluations++;
    onEvaluation?.(evaluations, t);
    return values;
  };
  const draw = (...which: Parameters<PcNoise>) => {
    const z = noise(...which);
    exampleSize("pcSample", score.shape, latent.length, { noise: z.length });
    return z;
  };

  for (const [step, t] of times.entries()) {
    for (let repeat = 0; corrector && repeat < nSteps; repeat++) {
      const s = await evaluate(t);
      const z = draw("corrector", step, repeat);
      const size = corrector({ sde, t, snr, batch, score: s, noise: z });
      apply({ x: 1, score: size, noise: Math.sqrt(2 * size) }, x, mean, s, z);
    }
    if (predictor) {
      const move = predictor(sde, t, times[step + 1] ?? 0, { flow });
      const s = await evaluate(t);
      apply(move, x, mean, s, move.noise === 0 ? undefined : draw("predictor", step, 0));
    }
    if (!x.every(Number.isFinite)) throw new RunError(`pcSample: the samples stopped being finite at t = ${t}`);
  }
  return { samples: denoise && predictor ? mean : x, evaluations };
}
