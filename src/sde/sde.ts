/**
 * Forward SDE dx = a(t) x dt + g(t) dw on t in [0, T].
 *
 * Every SDE of the paper has a drift linear in x, so an SDE here is a set of scalar functions of time in float64; no
 * tensor is needed. `std` is the field's sigma_t, `meanCoeff` its alpha_t. Everything specific to an SDE is a member of
 * it, and no other code depends on its name. An optional member is needed only for the purpose in its comment.
 */
export interface SDE {
  /** Name in messages and reports; any text. */
  readonly name: string;
  /** End time, 1. */
  readonly T: number;
  /** Number of discretization steps of the samplers. */
  readonly N: number;
  /** Returns a(t); the drift is a(t) x. */
  driftCoeff(t: number): number;
  /** g(t). */
  diffusion(t: number): number;
  /** alpha_t of p(x(t) | x(0)) = N(alpha_t x(0), sigma_t^2 I). */
  meanCoeff(t: number): number;
  /** sigma_t of p(x(t) | x(0)) = N(alpha_t x(0), sigma_t^2 I). */
  std(t: number): number;
  /** Standard deviation of the prior p_T = N(0, priorStd^2 I). */
  readonly priorStd: number;
  /** One step x_{i+1} = x_i + f x_i + G z_i of the reference's `discretize`. */
  discretize(t: number): { readonly f: number; readonly G: number };
  /** Integral of g^2 / sigma^2 over [eps, t], Section 5.1 of the paper; absent if the reference has none (VE). */
  readonly importance?: ImportanceWeight;
  /** Returns the t with log(alpha_t^2 / sigma_t^2) = `logSnr`. Absent: a search finds it. */
  timeOfLogSnr?(logSnr: number): number;
  /** The network's input for t: 999 t (VP, subVP, linear VE) or sigma_t (VE). */
  timeCondition(t: number): number;
  /** Factor s with score = s * network output: -1/sigma_t, or 1 for VE, whose network outputs the score itself. */
  scoreScale(t: number): number;
  /** Factor r with score = s * network output + r * x(t), for networks that predict a velocity. Absent: 0. */
  inputScale?(t: number): number;
  /** Meaning of `timeCondition`; "sigma" lets a network take its logarithm. Absent: "time". */
  readonly condition?: "time" | "sigma";
  /** Smallest times in training and likelihood, and at the end of sampling. Absent: {@link SMALLEST_TIMES}. */
  readonly smallestTimes?: SmallestTimes;
  /** Step from t to `next` (0 after the last time) by the posterior of the earlier step; for `ancestral_sampling`. */
  ancestral?(t: number, next: number): Move;
  /** Members that differ for a network trained on N discrete steps. Absent: it supports only continuous times. */
  readonly discrete?: Partial<Pick<SDE, "timeCondition" | "scoreScale" | "condition">>;
}

/**
 * A move x -> `x` x + `score` score(x, t) + `noise` z with z ~ N(0, I). Without the last term, it is the mean of the
 * move.
 */
export interface Move {
  readonly x: number;
  readonly score: number;
  readonly noise: number;
}

/** Smallest times in (0, T) that training and sampling use in place of 0. */
export interface SmallestTimes {
  readonly training: number;
  readonly sampling: number;
}

/** Smallest times of an SDE that does not set them. @see the reference's configs */
export const SMALLEST_TIMES: SmallestTimes = { training: 1e-5, sampling: 1e-3 };

/** Samples times with a density proportional to a weight; for `importance`, the weight is g^2 / sigma^2. */
export interface ImportanceWeight {
  /** Lambda(t) - Lambda(eps), in nats. */
  cumulative(t: number, eps: number): number;
  /** The t in [eps, T] whose cumulative weight is `quantile` in [0, cumulative(T, eps)]. */
  inverse(quantile: number, eps: number): number;
}
