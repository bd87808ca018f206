/** One pixel of three values whose probabilities are known: its diffused density and score in closed form. */
import { cellWidth } from "../../src/likelihood/cells.ts";
import type { ExactScore } from "../../src/sde/score-function.ts";
import type { SDE } from "../../src/sde/sde.ts";

export const CELLS = { levels: 256, centered: true };
export const VALUES = [
  { value: 100, probability: 0.5 },
  { value: 101, probability: 0.3 },
  { value: 180, probability: 0.2 },
] as const;

export const middleOf = (value: number) => (value + 0.5) * cellWidth(CELLS) - 1;

/** Log density at x of alpha c + sigma z, the score, and its derivative. */
export function diffused(x: number, alpha: number, sigma: number) {
  const logs = VALUES.map(({ value, probability }) => {
    const z = (x - alpha * middleOf(value)) / sigma;
    return { log: Math.log(probability) - 0.5 * z * z, slope: -z / sigma };
  });
  const most = Math.max(...logs.map(({ log }) => log));
  const total = logs.reduce((sum, { log }) => sum + Math.exp(log - most), 0);
  const weights = logs.map(({ log }) => Math.exp(log - most) / total);
  const score = logs.reduce((sum, { slope }, i) => sum + weights[i]! * slope, 0);
  const squares = logs.reduce((sum, { slope }, i) => sum + weights[i]! * slope ** 2, 0);
  return {
    logDensity: most + Math.log(total) - Math.log(sigma * Math.sqrt(2 * Math.PI)),
    score,
    derivative: squares - score ** 2 - 1 / sigma ** 2,
  };
}

/** The exact score. */
export function toyScore(sde: SDE): ExactScore {
  const at = (x: Float32Array, t: Float64Array) =>
    Array.from(x, (value, b) => diffused(value, sde.meanCoeff(t[b]!), sde.std(t[b]!)));
  return {
    shape: [1],
    score: (x, t) => Float32Array.from(at(x, t), ({ score }) => score),
    scoreAndDivergence(x, t) {
      const found = at(x, t);
      return {
        score: Float32Array.from(found, ({ score }) => score),
        divergence: Float64Array.from(found, ({ derivative }) => derivative),
      };
    },
  };
}
