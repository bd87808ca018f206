import type { Tensor1D } from "@tensorflow/tfjs";
import { afterEach, describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { adamUpdate, type Adam, type AdamOptions, type AdamState } from "../../src/training/adam.ts";
import { exponentialMovingAverage } from "../../src/training/ema.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normal } from "../support/tensors.ts";

const P = 20;
const defaults: AdamOptions = { beta1: 0.9, beta2: 0.999, eps: 1e-8, gradClip: 1, weightDecay: 0, compile: true };

const made: Adam[] = [];
const adamHere = (over: Partial<AdamOptions> = {}) => {
  const optimizer = adamUpdate({ ...defaults, ...over });
  made.push(optimizer);
  return optimizer;
};
afterEach(() => {
  for (const optimizer of made.splice(0)) optimizer.dispose();
});

/** Kingma & Ba 2015, Algorithm 1 in float64, after clipping by the global norm. */
function reference(
  gradients: Float32Array[],
  rates: number[],
  { beta1, beta2, eps, gradClip, weightDecay }: AdamOptions,
) {
  const p = Array.from(normal(P, 0));
  const m = new Array<number>(P).fill(0);
  const v = new Array<number>(P).fill(0);
  gradients.forEach((gradient, step) => {
    const norm = Math.hypot(...gradient);
    const scale = gradClip >= 0 && norm > gradClip ? gradClip / norm : 1;
    for (let i = 0; i < P; i++) {
      const g = gradient[i]! * scale;
      m[i] = beta1 * m[i]! + (1 - beta1) * g;
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
      const [mHat, vHat] = [m[i]! / (1 - beta1 ** (step + 1)), v[i]! / (1 - beta2 ** (step + 1))];
      p[i]! -= rates[step]! * (mHat / (Math.sqrt(vHat) + eps) + weightDecay * p[i]!);
    }
  });
  return { p, m, v };
}

/** The same by the optimizer; frees what it passes through. */
function run(optimizer: Adam, gradients: Float32Array[], rates: number[]) {
  const zeros = () => tf.zeros([P]) as Tensor1D;
  let state: AdamState = { parameters: tf.tensor1d(normal(P, 0)), m: zeros(), v: zeros() };
  const norms = gradients.map((gradient, step) => {
    const g = tf.tensor1d(gradient);
    const result = optimizer.update(state, g, step, rates[step]!);
    tf.dispose([g, state.parameters, state.m, state.v]);
    ({ state } = result);
    return result.norm;
  });
  const [p, m, v] = [state.parameters, state.m, state.v].map((t) => t.dataSync());
  tf.dispose([state.parameters, state.m, state.v]);
  return { p: p!, m: m!, v: v!, norms };
}

describe("adam", () => {
  const gradients = [1, 2, 3, 4, 5].map((seed) => normal(P, seed).map((g) => g * 0.1 * seed));
  const rates = [0, 1e-3, 2e-3, 5e-2, 1e-2];

  it.each<[string, Partial<AdamOptions>]>([
    ["clipping at 1", {}],
    ["no clipping", { gradClip: -1 }],
    ["weight decay", { weightDecay: 0.1 }],
    ["other betas and a large eps", { beta1: 0.5, beta2: 0.9, eps: 0.1 }],
    ["eager", { compile: false }],
  ])("equals the algorithm over five steps: %s", async (_, over) => {
    await expectNoLeak(() => {
      const { p, m, v, norms } = run(adamHere(over), gradients, rates);
      const expected = reference(gradients, rates, { ...defaults, ...over });
      expect(largestError(p, expected.p)).toBeLessThan(1e-5);
      expect(largestError(m, expected.m)).toBeLessThan(1e-6);
      expect(largestError(v, expected.v)).toBeLessThan(1e-6);
      const exact = gradients.map((g) => Math.hypot(...g));
      expect(largestError(norms, exact)).toBeLessThan(1e-6);
    });
  });

  it("clips gradients longer than the limit only", () => {
    const [short, long] = [new Float32Array(P).fill(0.1), new Float32Array(P).fill(10)];
    expect(Math.hypot(...short)).toBeLessThan(1);
    const m = (gradient: Float32Array) => run(adamHere(), [gradient], [0]).m;
    expect(
      largestError(
        m(short),
        short.map((g) => 0.1 * g),
      ),
    ).toBeLessThan(1e-7);
    expect(Math.hypot(...m(long))).toBeCloseTo(0.1, 6);
  });

  it("leaves old state and gradient to the caller", () => {
    const tensors = [0, 1, 2, 3].map((seed) => tf.tensor1d(normal(P, seed).map(Math.abs)));
    const [parameters, m, v, gradient] = tensors as [Tensor1D, Tensor1D, Tensor1D, Tensor1D];
    const { state } = adamHere().update({ parameters, m, v }, gradient, 0, 0.1);
    expect(tensors.map((t) => t.isDisposed)).toEqual([false, false, false, false]);
    tf.dispose([tensors, Object.values(state)]);
  });
});

describe("exponentialMovingAverage", () => {
  it.each([[true], [false]])("gives rate * average + (1 - rate) * parameters: compile %s", async (compile) => {
    await expectNoLeak(() => {
      const average = exponentialMovingAverage({ compile });
      const [old, parameters] = [tf.tensor1d([1, 2]), tf.tensor1d([3, -4])];
      for (const rate of [0, 0.5, 0.9999]) {
        const next = average.update(old, parameters, rate);
        const expected = [rate + 3 * (1 - rate), 2 * rate - 4 * (1 - rate)];
        expect(largestError(next.dataSync(), expected)).toBeLessThan(1e-6);
        next.dispose();
      }
      expect([old.isDisposed, parameters.isDisposed]).toEqual([false, false]);
      tf.dispose([old, parameters]);
      average.dispose();
    });
  });
});
