/** A mixture of three Gaussians in two dimensions, whose density and score are known at all times. */
import { fillNormal, randomKey } from "../../src/base/random.ts";
import type { ExactScore } from "../../src/sde/score-function.ts";
import type { SDE } from "../../src/sde/sde.ts";

const PARTS = [
  { weight: 0.5, mean: [-0.8, 0.4], std: 0.3 },
  { weight: 0.3, mean: [0.7, 0.6], std: 0.5 },
  { weight: 0.2, mean: [0.1, -0.9], std: 0.4 },
] as const;

const WIDTH = 4;
/** Of one point: log of weight times density, score and variance of each part. */
const scratch = new Float64Array(PARTS.length * WIDTH);

/** Fills `scratch` for (x, y), diffused by alpha and sigma. @returns Log density of the mixture. */
function lookAtPoint(x: number, y: number, alpha: number, sigma: number): number {
  let most = -Infinity;
  for (let k = 0; k < PARTS.length; k++) {
    const { weight, mean, std } = PARTS[k]!;
    const v = (alpha * std) ** 2 + sigma ** 2;
    const [dx, dy] = [x - alpha * mean[0], y - alpha * mean[1]];
    const log = Math.log(weight / (2 * Math.PI * v)) - (dx ** 2 + dy ** 2) / (2 * v);
    const at = WIDTH * k;
    scratch[at] = log;
    scratch[at + 1] = -dx / v;
    scratch[at + 2] = -dy / v;
    scratch[at + 3] = v;
    if (log > most) most = log;
  }
  let sum = 0;
  for (let at = 0; at < scratch.length; at += WIDTH) sum += Math.exp(scratch[at]! - most);
  return most + Math.log(sum);
}

/** Log density at (x, y) of the mixture, or of the mixture diffused by alpha and sigma. */
export const mixtureLogDensity = (x: number, y: number, alpha = 1, sigma = 0) => lookAtPoint(x, y, alpha, sigma);

/** The exact score, and its divergence along the probe. */
export function mixtureScore(sde: SDE): ExactScore {
  const scoreAndDivergence: ExactScore["scoreAndDivergence"] = (x, t, probe) => {
    const score = new Float32Array(x.length);
    const divergence = new Float64Array(t.length);
    let [time, alpha, sigma] = [NaN, 0, 0];
    for (let b = 0; b < t.length; b++) {
      // Often the same for all.
      if (t[b] !== time) [time, alpha, sigma] = [t[b]!, sde.meanCoeff(t[b]!), sde.std(t[b]!)];
      const total = lookAtPoint(x[2 * b]!, x[2 * b + 1]!, alpha, sigma);
      const [ex, ey] = [probe[2 * b]!, probe[2 * b + 1]!];
      let [sx, sy, curvature] = [0, 0, 0];
      for (let at = 0; at < scratch.length; at += WIDTH) {
        const w = Math.exp(scratch[at]! - total);
        const [px, py] = [scratch[at + 1]!, scratch[at + 2]!];
        sx += w * px;
        sy += w * py;
        curvature += w * ((px * ex + py * ey) ** 2 - (ex ** 2 + ey ** 2) / scratch[at + 3]!);
      }
      score[2 * b] = sx;
      score[2 * b + 1] = sy;
      divergence[b] = curvature - (sx * ex + sy * ey) ** 2;
    }
    return { score, divergence };
  };
  return {
    shape: [2],
    score: (x, t) => scoreAndDivergence(x, t, new Float32Array(x.length)).score,
    scoreAndDivergence,
  };
}

/** `count` points of the mixture, [count, 2]; as many of each part as its weight says. */
export function mixturePoints(count: number, seed: number): Float32Array {
  const points = new Float32Array(2 * count);
  fillNormal(randomKey(seed, "mixture"), points);
  let [part, end] = [0, PARTS[0].weight];
  for (let i = 0; i < count; i++) {
    if ((i + 0.5) / count > end) end += PARTS[++part]!.weight;
    const { mean, std } = PARTS[part]!;
    for (let d = 0; d < 2; d++) points[2 * i + d] = mean[d]! + std * points[2 * i + d]!;
  }
  return points;
}
