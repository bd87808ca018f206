/**
 * Forward SDE dx = a(t) x dt + g(t) dw on t in [0, T].
 *
 * Every SDE of the paper has a drift linear in x, so an SDE here is a set of scalar functions of time in float64; no
 * tensor is needed. `std` is the field's sigma_t, `meanCoeff` its alpha_t.
 */
export interface SDE {
  readonly name: "vp" | "subvp" | "ve" | "linearve";
  /** End time, 1. */
  readonly T: number;
  /** Number of discretization steps of the samplers. */
  readonly N: number;
  /** a(t), the drift is a(t) x. */
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
  /** Integral of g^2 / sigma^2 over [eps, t], Section 5.1 of the paper; absent where the reference has none (VE). */
  readonly importance?: ImportanceWeight;
  /** What the network is told about t: 999 t (VP, subVP, linear VE) or sigma_t (VE). */
  timeCondition(t: number): number;
  /** Factor s with score = s * network output: -1/sigma_t, or 1 for VE, whose network gives the score itself. */
  scoreScale(t: number): number;
}

/** Time sampling with density proportional to g^2 / sigma^2. */
export interface ImportanceWeight {
  /** Lambda(t) - Lambda(eps), in nats. */
  cumulative(t: number, eps: number): number;
  /** The t in [eps, T] whose cumulative weight is `quantile` in [0, cumulative(T, eps)]. */
  inverse(quantile: number, eps: number): number;
}
