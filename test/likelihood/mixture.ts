/** A mixture of three Gaussians in two dimensions, whose density and score are known at all times. */
import type { ExactScore } from "../../src/sde/score-function.ts";
import type { SDE } from "../../src/sde/sde.ts";

const PARTS = [
  { weight: 0.5, mean: [-0.8, 0.4], std: 0.3 },
  { weight: 0.3, mean: [0.7, 0.6], std: 0.5 },
  { weight: 0.2, mean: [0.1, -0.9], std: 0.4 },
] as const;

/** Log of weight times density of each part at x, diffused by alpha and sigma. */
function parts(x: number, y: number, alpha: number, sigma: number) {
  return PARTS.map(({ weight, mean, std }) => {
    const v = (alpha * std) ** 2 + sigma ** 2;
    const [dx, dy] = [x - alpha * mean[0], y - alpha * mean[1]];
    const log = Math.log(weight / (2 * Math.PI * v)) - (dx ** 2 + dy ** 2) / (2 * v);
    return { log, v, sx: -dx / v, sy: -dy / v };
  });
}

function logSumExp(values: readonly number[]): number {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, v) => sum + Math.exp(v - most), 0));
}

/** Log density at (x, y) of the mixture, or of the mixture diffused by alpha and sigma. */
export const mixtureLogDensity = (x: number, y: number, alpha = 1, sigma = 0) =>
  logSumExp(parts(x, y, alpha, sigma).map(({ log }) => log));

export function mixtureScore(sde: SDE): ExactScore {
  const at = (x: Float32Array, t: Float64Array, b: number, [ex, ey]: readonly [number, number]) => {
    const all = parts(x[2 * b]!, x[2 * b + 1]!, sde.meanCoeff(t[b]!), sde.std(t[b]!));
    const total = logSumExp(all.map(({ log }) => log));
    let [sx, sy, curvature] = [0, 0, 0];
    for (const part of all) {
      const w = Math.exp(part.log - total);
      sx += w * part.sx;
      sy += w * part.sy;
      curvature += w * ((part.sx * ex + part.sy * ey) ** 2 - (ex ** 2 + ey ** 2) / part.v);
    }
    return { sx, sy, curvature: curvature - (sx * ex + sy * ey) ** 2 };
  };
  const scoreAndDivergence: ExactScore["scoreAndDivergence"] = (x, t, probe) => {
    const all = Array.from(t, (_, b) => at(x, t, b, [probe[2 * b]!, probe[2 * b + 1]!]));
    return {
      score: Float32Array.from(all.flatMap(({ sx, sy }) => [sx, sy])),
      divergence: Float64Array.from(all, ({ curvature }) => curvature),
    };
  };
  return {
    shape: [2],
    score: (x, t) => scoreAndDivergence(x, t, new Float32Array(x.length)).score,
    scoreAndDivergence,
  };
}
