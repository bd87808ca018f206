/** The tolerances, read from the sentence of the manifest that states them. */
import { maxAbs } from "./allclose.ts";
import { manifest, type GoldenCase } from "./golden.ts";

const NUMBER = String.raw`(\d[\d.]*(?:e-?\d+)?)`;

function stated(before: string, after: string, text = manifest().conventions.tolerances ?? ""): number {
  const match = new RegExp(`${before}${NUMBER}${after}`).exec(text);
  if (!match) throw new Error(`the manifest no longer says "${before}<number>${after}": ${text}`);
  return Number(match[1]);
}

/** Relative, for formulas of the SDEs. */
export const sdeFormula = () => ({ rtol: stated("", " for SDE formulas") });
/** In units of the largest output, for network outputs. */
export const networkOutput = () => stated("", String.raw`\*max\|y\| for network outputs`);
/** In units of the largest entry of the tensor, for gradients. */
export const gradient = () => stated("", String.raw`\*max\|g\| for gradients`);
/** Relative, for training losses. */
export const trainingLoss = () => ({ rtol: stated("", " for training losses") });
/** Absolute, for parameters after training steps, attention key biases left out. */
export const parameter = () => ({ atol: stated("independent torch replay to <", " absolute") });
/** Absolute, in bits/dim, for the ODE likelihood of a Gaussian against its exact density. */
export const gaussianLikelihood = () => ({
  atol: stated("exact density: within ", " bits/dim", manifest().independent_checks.join("\n")),
});
/** Relative, for the measures of sample quality. */
export const metric = () => ({
  rtol: stated("tfgan metrics vs numpy float64: <=", "", manifest().independent_checks.join("\n")),
});
/** Evaluations a solver may need more or fewer: a few times this. */
export const evaluations = () => stated("multiples of ", String.raw`\)`);

/** Parameters that round-off moves: biases of attention keys. */
export const isKeyBias = (name: string) => /AttnBlockpp_\d+\/NIN_1\/b$/.test(name);

/** Tolerance of the gradient in the tensor `name`. */
export function gradientTolerance(golden: GoldenCase, name: string): { readonly atol: number } {
  if (!isKeyBias(name)) return { atol: gradient() * maxAbs(golden.f32(name)) };
  // Their true gradient is 0, so what is left is the round-off of the gradients of the weights beside them.
  const weights = golden.f32(name.replace(/b$/, "W"));
  const absolute = stated("compare absolutely, ", String.raw`\)`);
  return { atol: Math.max(absolute, gradient() * maxAbs(weights)) };
}
