/** A Gaussian in a few dimensions, whose scores, densities and flows are known. */
import { fillNormal, randomKey } from "../../src/base/random.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";

export const gaussian = { shape: [3], mean: [0.3, -0.5, 0.1], std: [0.4, 1.1, 0.25] } as const;
export const DIMS = 3;

const N = 1000;
const beta = { betaMin: 0.1, betaMax: 20, N };
/** With the smallest time that each is used with. */
export const SDES: readonly (readonly [string, SDE, number])[] = [
  ["VP", vpSDE(beta), 1e-5],
  ["subVP", subVpSDE(beta), 1e-2],
  ["VE", veSDE({ sigmaMin: 0.01, sigmaMax: 50, N }), 1e-5],
  ["linear VE", linearVeSDE({ sigmaMax: 50, N }), 1e-3],
];

export function normal(n: number, seed: number): Float32Array {
  const out = new Float32Array(n);
  fillNormal(randomKey(seed), out);
  return out;
}

/** `B` draws from the data's distribution, [B, 3]. */
export const draws = (B: number, seed: number) =>
  normal(B * DIMS, seed).map((z, i) => gaussian.mean[i % DIMS]! + gaussian.std[i % DIMS]! * z);

/** Mean and deviation of the data's distribution diffused to time t, [3] each. */
export function diffused(sde: SDE, t: number): { readonly mean: number[]; readonly std: number[] } {
  const alpha = sde.meanCoeff(t);
  return {
    mean: gaussian.mean.map((m) => alpha * m),
    std: gaussian.std.map((s) => Math.hypot(alpha * s, sde.std(t))),
  };
}

/** Where the probability flow takes x [B, 3] from time `from` to time `to`: it keeps each standardized coordinate. */
export function flow(sde: SDE, x: Float32Array, from: number, to: number): Float64Array {
  const [a, b] = [diffused(sde, from), diffused(sde, to)];
  return Float64Array.from(x, (value, i) => {
    const d = i % DIMS;
    return b.mean[d]! + (b.std[d]! / a.std[d]!) * (value - a.mean[d]!);
  });
}

export function meanAndError(values: ArrayLike<number>): { readonly mean: number; readonly error: number } {
  const all = Array.from(values);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const variance = all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (all.length - 1);
  return { mean, error: Math.sqrt(variance / all.length) };
}
