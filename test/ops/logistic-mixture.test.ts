import type { Tensor } from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import {
  inverseMixtureLogit,
  mixtureLogCdf,
  mixtureLogit,
  mixtureLogPdf,
  type LogisticMixture,
} from "../../src/ops/logistic-mixture.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

const K = 3;
const MIN_LOG_SCALE = -7;

/** One number with its mixture. */
interface Example {
  readonly x: number;
  readonly logits: number[];
  readonly means: number[];
  readonly logScales: number[];
}

const examples = (bound: { x: number; logit: number; mean: number; logScale: number }) => {
  const within = (max: number, min = -max) => fc.float({ min: Math.fround(min), max: Math.fround(max), noNaN: true });
  const all = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: K, maxLength: K });
  return fc.record({
    x: within(bound.x),
    logits: all(within(bound.logit)),
    means: all(within(bound.mean)),
    logScales: all(within(bound.logScale, MIN_LOG_SCALE)),
  });
};

/** Numbers [N] with their mixtures [N, K]: many at once, to call the engine less often. */
const batches = (one: fc.Arbitrary<Example>) => fc.array(one, { minLength: 40, maxLength: 40 });

const tensorsOf = (batch: readonly Example[]) => ({
  x: tf.tensor1d(batch.map((example) => example.x)),
  mixture: {
    logits: tf.tensor2d(batch.map((example) => example.logits)),
    means: tf.tensor2d(batch.map((example) => example.means)),
    logScales: tf.tensor2d(batch.map((example) => example.logScales)),
  } satisfies LogisticMixture,
});

/** cdf, its complement and the density in float64, by the definition. */
function exact({ x, logits, means, logScales }: Example) {
  const top = Math.max(...logits);
  const weights = logits.map((l) => Math.exp(l - top));
  const total = weights.reduce((a, b) => a + b);
  const sums = { cdf: 0, above: 0, pdf: 0 };
  weights.forEach((w, k) => {
    const z = (x - Math.fround(means[k]!)) * Math.exp(-logScales[k]!);
    const [lower, upper] = [1 / (1 + Math.exp(-z)), 1 / (1 + Math.exp(z))];
    sums.cdf += (w / total) * lower;
    sums.above += (w / total) * upper;
    sums.pdf += (w / total) * lower * upper * Math.exp(-logScales[k]!);
  });
  return sums;
}

const ordinary = examples({ x: 5, logit: 5, mean: 3, logScale: 2 });
const extreme = examples({ x: 3e38, logit: 3e38, mean: 3e38, logScale: 3e38 });

describe("logistic mixture", () => {
  it("agrees with its definition in float64", () => {
    fc.assert(
      fc.property(batches(ordinary), (batch) => {
        tf.tidy(() => {
          const { x, mixture } = tensorsOf(batch);
          const { logit, logDerivative } = mixtureLogit(x, mixture);
          const own = [mixtureLogPdf(x, mixture), mixtureLogCdf(x, mixture), logit, logDerivative].map(values);
          batch.forEach((example, i) => {
            const { cdf, above, pdf } = exact(example);
            // Where float64 sums underflow nothing is left to compare with.
            if (!(pdf > 1e-290 && cdf > 1e-290 && above > 1e-290)) return;
            const [logPdf, logCdf, logAbove] = [pdf, cdf, above].map(Math.log) as [number, number, number];
            const expected = [logPdf, logCdf, logCdf - logAbove, logPdf - logCdf - logAbove];
            const received = own.map((all) => all[i]!);
            // z is a difference divided by a scale as small as e^-7: rounding of x moves it by that much.
            expect(largestError(received, expected, 10)).toBeLessThan(1e-4);
          });
        });
      }),
      { numRuns: 10 },
    );
  });

  it("is finite, with finite gradients, for any finite float32 input", () => {
    const known = { x: 1e30, logits: [0, -3e38, 3e38], means: [0, 0, 0], logScales: [-7, -7, 80] };
    fc.assert(
      fc.property(batches(extreme), (batch) => {
        tf.tidy(() => {
          const { x, mixture } = tensorsOf([known, ...batch]);
          const { logit, logDerivative } = mixtureLogit(x, mixture);
          const gradients = tf.grads((x, logits, means, logScales) => {
            const both = mixtureLogit(x!, { logits: logits!, means: means!, logScales: logScales! });
            return tf.sum(tf.add(both.logit, both.logDerivative));
          })([x, mixture.logits, mixture.means, mixture.logScales]);
          const all = [logit, logDerivative, inverseMixtureLogit(logit, mixture), ...gradients].flatMap(values);
          expect(all.filter((value) => !Number.isFinite(value))).toEqual([]);
        });
      }),
      { numRuns: 20 },
    );
  });

  it("is inverted by bisection", () => {
    fc.assert(
      fc.property(batches(ordinary), (batch) => {
        tf.tidy(() => {
          const { x, mixture } = tensorsOf(batch);
          const { logit, logDerivative } = mixtureLogit(x, mixture);
          const found = values(inverseMixtureLogit(logit, mixture));
          const [logits, slopes] = [values(logit), values(tf.exp(logDerivative))];
          batch.forEach((example, i) => {
            // What rounding of the logit, and of differences from the means, does to x.
            const rounding = 1e-6 * (Math.abs(example.x) + 3 + (1 + Math.abs(logits[i]!)) / slopes[i]!);
            expect(Math.abs(found[i]! - example.x)).toBeLessThan(4 * rounding);
          });
        });
      }),
      { numRuns: 5 },
    );
  });

  it("increases with x", () => {
    tf.tidy(() => {
      const n = 400;
      const repeated = (seed: number) => tf.tile(normalTensor([1, K], seed), [n, 1]);
      const mixture = { logits: repeated(1), means: repeated(2), logScales: repeated(3) };
      const logits = values(mixtureLogit(tf.linspace(-50, 50, n), mixture).logit);
      for (let i = 1; i < n; i++) expect(logits[i]).toBeGreaterThan(logits[i - 1]!);
    });
  });

  it("is the same of a number, whatever the shape around it", async () => {
    await expectNoLeak(() => {
      tf.tidy(() => {
        const [x, ...parameters] = [[12], [12, K], [12, K], [12, K]].map((shape, i) => normalTensor(shape, i + 1));
        const all = (shape: readonly number[]) => {
          const at = tf.reshape(x!, [...shape]);
          const [logits, means, logScales] = parameters.map((one) => tf.reshape(one, [...shape, K]));
          const mixture = { logits: logits!, means: means!, logScales: logScales! };
          const { logit, logDerivative } = mixtureLogit(at, mixture);
          const inverse = inverseMixtureLogit(logit, mixture);
          return [mixtureLogCdf(at, mixture), mixtureLogPdf(at, mixture), logit, logDerivative, inverse];
        };
        const row = all([12]);
        for (const shape of [
          [3, 4],
          [2, 3, 2],
        ]) {
          all(shape).forEach((found, i) => {
            expect(found.shape).toEqual(shape);
            expect(largestError(values(found), values(row[i]!))).toBeLessThan(1e-6);
          });
        }
      });
    });
  });

  it("has the gradients that tfjs derives from the plain formula", async () => {
    await expectNoLeak(() => {
      tf.tidy(() => {
        const shape = [2, 3, 2];
        const inputs = [
          normalTensor(shape, 1),
          ...[2, 3, 4].map((seed) => normalTensor([...shape, K], seed)),
        ] as Tensor[];
        const weights = [normalTensor(shape, 5), normalTensor(shape, 6)] as [Tensor, Tensor];
        const plain = (x: Tensor, logits: Tensor, means: Tensor, logScales: Tensor) => {
          const z = tf.div(tf.sub(tf.expandDims(x, -1), means), tf.exp(logScales));
          const w = tf.softmax(logits);
          const cdf = tf.sum(tf.mul(w, tf.sigmoid(z)), -1);
          const slope = tf.div(tf.mul(tf.sigmoid(z), tf.sigmoid(tf.neg(z))), tf.exp(logScales));
          const pdf = tf.sum(tf.mul(w, slope), -1);
          const odds = tf.mul(cdf, tf.sub(1, cdf));
          return [tf.log(tf.div(cdf, tf.sub(1, cdf))), tf.log(tf.div(pdf, odds))] as const;
        };
        const own = (x: Tensor, logits: Tensor, means: Tensor, logScales: Tensor) => {
          const { logit, logDerivative } = mixtureLogit(x, { logits, means, logScales });
          return [logit, logDerivative] as const;
        };
        const gradients = (f: typeof plain) =>
          tf.grads((...given: Tensor[]) => {
            const [a, b] = f(...(given as [Tensor, Tensor, Tensor, Tensor]));
            return tf.add(tf.sum(tf.mul(a, weights[0])), tf.sum(tf.mul(b, weights[1])));
          })(inputs);
        const expected = gradients(plain);
        gradients(own).forEach((gradient, i) => {
          expect(largestError(values(gradient), values(expected[i]!)), `input ${i}`).toBeLessThan(1e-4);
        });
      });
    });
  });
});
