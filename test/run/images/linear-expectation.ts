/** What an evaluation of the network w x + b is to find, by quadrature: its flow and its bound are linear in x. */

const [BETA_MIN, BETA_MAX] = [0.1, 20];
const beta = (t: number) => BETA_MIN + t * (BETA_MAX - BETA_MIN);
const integral = (t: number) => t * BETA_MIN + (t ** 2 / 2) * (BETA_MAX - BETA_MIN);
const alpha = (t: number) => Math.exp(-integral(t) / 2);
const sigma = (t: number) => Math.sqrt(1 - Math.exp(-integral(t)));

const STEPS = 20_000;
/** Midpoints between `eps` and 1. */
const times = (eps: number) => Array.from({ length: STEPS }, (_, i) => eps + ((i + 0.5) * (1 - eps)) / STEPS);

export interface Expectation {
  /** By the probability flow ODE, bits/dim. */
  readonly bpd: number;
  /** Over noise and times, bits/dim. */
  readonly bound: number;
  /** Over noise and times drawn in proportion to g^2 / sigma^2. */
  readonly loss: number;
}

/**
 * Means over the pixels for the VP SDE from `eps` on, of images in [-1, 1].
 *
 * @param pixels Bytes; their uniform noise is replaced by its mean.
 */
export function expectedOf({ b, w }: { b: number; w: number }, eps: number, pixels: ArrayLike<number>): Expectation {
  const data = Array.from(pixels, (byte) => (2 * (byte + 0.5)) / 256 - 1);
  const mean = (of: (x: number) => number) => data.reduce((sum, x) => sum + of(x), 0) / data.length;
  const dt = (1 - eps) / STEPS;
  const log = (x: number) => x / Math.LN2 + 7;
  const halfLog = Math.log(2 * Math.PI) / 2;

  // dx/dt = beta/2 ((w / sigma - 1) x + b / sigma), so that x(1) = grown x + moved.
  let [logGrown, moved] = [0, 0];
  for (const t of times(eps)) {
    const rate = (beta(t) / 2) * (w / sigma(t) - 1);
    const push = (beta(t) / 2) * (b / sigma(t));
    moved = moved * Math.exp(rate * dt) + push * dt * Math.exp((rate * dt) / 2);
    logGrown += rate * dt;
  }
  const flow = mean((x) => halfLog + (Math.exp(logGrown) * x + moved) ** 2 / 2 - logGrown);

  /** E |sigma score + z|^2 of a pixel. */
  const miss = (t: number, x: number) => (1 - w * sigma(t)) ** 2 + (w * alpha(t) * x + b) ** 2;
  const squared = mean((x) => x ** 2);
  const average = mean((x) => x);
  const meanMiss = (t: number) =>
    (1 - w * sigma(t)) ** 2 + (w * alpha(t)) ** 2 * squared + 2 * w * alpha(t) * b * average + b ** 2;
  let [integrand, weighted, weight] = [0, 0, 0];
  for (const t of times(eps)) {
    const ratio = beta(t) / sigma(t) ** 2;
    // |score + z / sigma|^2 - |z / sigma|^2, and beta for the drift.
    integrand += (ratio * (meanMiss(t) - 1) + beta(t)) * dt;
    weighted += ratio * meanMiss(t) * dt;
    weight += ratio * dt;
  }
  const prior = mean((x) => halfLog + ((alpha(1) * x) ** 2 + sigma(1) ** 2) / 2);
  const offset = mean((x) => (miss(eps, x) - 1) / 2) - Math.log(alpha(eps));
  return { bpd: log(flow), bound: log(prior + integrand / 2 + offset), loss: weighted / weight };
}
