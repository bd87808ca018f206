import type { Tensor1D } from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { initialParameters } from "../../src/models/parameters.ts";
import { scoreNetwork, type LossInputs, type ScoreNetwork } from "../../src/models/score-network.ts";
import { predicting } from "../../src/sde/prediction.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { linearModel, sde, TINY } from "../streams/fixture.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normal } from "../support/tensors.ts";

const B = 2;
const inputs = (dims: number): LossInputs => ({
  perturbed: normal(B * dims, 1),
  noise: normal(B * dims, 2),
  timeCondition: Float32Array.of(100, 900),
  outputScale: Float32Array.of(-1, -0.5),
  weight: Float32Array.of(1, 2),
});
const KEY = [123, 2 ** 32 - 5] as const;

describe("scoreNetwork of a tiny NCSN++ with dropout", () => {
  const model = ncsnpp({ ...TINY, attnResolutions: [], dropout: 0.3 });
  let [eager, graph]: ScoreNetwork[] = [];
  let parameters: Tensor1D;
  beforeAll(() => {
    eager = scoreNetwork(model, { reduceMean: true, compile: false });
    graph = scoreNetwork(model, { reduceMean: true, compile: true });
    parameters = tf.tensor1d(initialParameters(graph.layout, 1));
  });
  afterAll(() => {
    graph!.dispose();
    parameters.dispose();
  });

  const lossAndGradient = async (network: ScoreNetwork, key: readonly [number, number] = KEY) => {
    const { losses, gradient } = await network.lossAndGradient(parameters, inputs(64), key);
    const values = gradient.dataSync() as Float32Array;
    gradient.dispose();
    return { losses, gradient: values };
  };

  it("gives the same loss and gradient compiled and eager, and leaks nothing", async () => {
    await expectNoLeak(async () => {
      const [a, b] = [await lossAndGradient(graph!), await lossAndGradient(eager!)];
      expect(largestError(a.losses, b.losses)).toBeLessThan(1e-5);
      const size = Math.max(...b.gradient.map(Math.abs));
      expect(size).toBeGreaterThan(0);
      expect(largestError(a.gradient, b.gradient, size)).toBeLessThan(1e-5);
    });
  });

  it("has a gradient and losses in bfloat16 near those in float32, the same bits twice, and evaluates in float32", async () => {
    const precision = { training: "bfloat16", evaluation: "float32" } as const;
    const half = scoreNetwork(model, { reduceMean: true, compile: true, precision });
    const [a, b] = [await lossAndGradient(half), await lossAndGradient(graph!)];
    expect(await lossAndGradient(half)).toEqual(a);
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
    const norms = Math.sqrt(dot(a.gradient, a.gradient) * dot(b.gradient, b.gradient));
    expect(dot(a.gradient, b.gradient) / norms).toBeGreaterThan(0.999);
    expect(a.gradient).not.toEqual(b.gradient);
    expect(largestError(a.losses, b.losses)).toBeLessThan(0.01);
    expect(await half.losses(parameters, inputs(64))).toEqual(await graph!.losses(parameters, inputs(64)));
    half.dispose();
  });

  it("has dropout masks that the key fixes, and none in evaluation", async () => {
    const first = (await lossAndGradient(graph!)).losses;
    expect((await lossAndGradient(graph!)).losses).toEqual(first);
    expect((await lossAndGradient(graph!, [124, KEY[1]])).losses).not.toEqual(first);
    expect((await lossAndGradient(graph!, [123, 7])).losses).not.toEqual(first);
    const evaluated = await graph!.losses(parameters, inputs(64));
    expect(await graph!.losses(parameters, inputs(64))).toEqual(evaluated);
    expect(evaluated).not.toEqual(first);
    expect(largestError(evaluated, await eager!.losses(parameters, inputs(64)))).toBeLessThan(1e-5);
  });

  it("leaves the padding between the parameters without gradient", async () => {
    const { gradient } = await lossAndGradient(graph!);
    const own = new Set(
      graph!.layout.slots.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i)),
    );
    expect(own.size).toBe(graph!.layout.count);
    expect(gradient.every((g, i) => own.has(i) || g === 0)).toBe(true);
  });

  it("has the gradient that differences give", async () => {
    const plain = scoreNetwork(ncsnpp({ ...TINY, attnResolutions: [] }), { reduceMean: true, compile: false });
    const flat = initialParameters(plain.layout, 1);
    const mean = async (values: Float32Array) => {
      const t = tf.tensor1d(values);
      const [a, b] = await plain.losses(t, inputs(64));
      t.dispose();
      return (a! + b!) / 2;
    };
    const { gradient } = await plain.lossAndGradient(parameters, inputs(64), KEY);
    const values = gradient.dataSync() as Float32Array;
    gradient.dispose();
    // Along the gradient itself the slope is its squared norm: all parameters at once, above float32 noise.
    const norm = Math.hypot(...values);
    const h = 1e-2 / norm;
    const at = (s: number) => mean(flat.map((p, i) => p + s * values[i]!));
    expect(((await at(h)) - (await at(-h))) / (2 * h) / norm ** 2).toBeCloseTo(1, 2);
  });

  it("gives the score and its divergence to the solvers, compiled as eager", async () => {
    await expectNoLeak(async () => {
      const [x, probe] = [normal(B * 64, 1), normal(B * 64, 3).map(Math.sign)];
      const t = Float64Array.of(0.1, 0.9);
      const run = (network: ScoreNetwork) => network.scoreFunction(parameters, sde).scoreAndDivergence(x, t, probe);
      const [a, b] = [await run(graph!), await run(eager!)];
      expect(largestError(a.score, b.score)).toBeLessThan(1e-5);
      expect(largestError(a.divergence, b.divergence)).toBeLessThan(1e-4); // A sum of 64 terms divided by sigma.
      const alone = await graph!.scoreFunction(parameters, sde).score(x, t);
      expect(largestError(alone, a.score)).toBeLessThan(1e-5);
    });
  });
});

describe("scoreNetwork of a linear model", () => {
  const network = scoreNetwork(linearModel(), { reduceMean: false, compile: false });
  const [b, w] = [0.5, -2];
  const flat = () => {
    const values = new Float32Array(network.layout.length);
    network.layout.slots.forEach(({ offset, name }) => (values[offset] = name === "b" ? b : w));
    return tf.tensor1d(values);
  };

  it("computes weight * half the sum of (scale * output + z)^2, or weight * the mean", async () => {
    await expectNoLeak(async () => {
      const parameters = flat();
      const { perturbed, noise, outputScale, weight } = inputs(4);
      const sums = [0, 1].map((e) =>
        [0, 1, 2, 3].reduce((sum, i) => {
          const difference = outputScale[e]! * (w * perturbed[4 * e + i]! + b) + noise[4 * e + i]!;
          return sum + weight[e]! * difference ** 2;
        }, 0),
      );
      const losses = (reduceMean: boolean) =>
        scoreNetwork(linearModel(), { reduceMean, compile: false }).losses(parameters, inputs(4));
      expect(
        largestError(
          await losses(false),
          sums.map((s) => s / 2),
        ),
      ).toBeLessThan(1e-6);
      expect(
        largestError(
          await losses(true),
          sums.map((s) => s / 4),
        ),
      ).toBeLessThan(1e-6);
      parameters.dispose();
    });
  });

  it("scales output and divergence by the SDE's factor at each time", async () => {
    await expectNoLeak(async () => {
      const parameters = flat();
      const ve = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });
      const x = normal(8, 1);
      const t = Float64Array.of(0.2, 0.7);
      for (const process of [sde, ve]) {
        const { score, divergence } = await network
          .scoreFunction(parameters, process)
          .scoreAndDivergence(x, t, new Float32Array(8).fill(1));
        const scale = (i: number) => process.scoreScale(t[Math.floor(i / 4)]!);
        expect(
          largestError(
            score,
            x.map((v, i) => scale(i) * (w * v + b)),
          ),
        ).toBeLessThan(1e-6);
        expect(
          largestError(
            divergence,
            [0, 4].map((i) => 4 * w * scale(i)),
          ),
        ).toBeLessThan(1e-6);
      }
      parameters.dispose();
    });
  });

  it("adds the SDE's part of the input to score and divergence", async () => {
    await expectNoLeak(async () => {
      const parameters = flat();
      const [x, probe] = [normal(8, 1), normal(8, 5)];
      const t = Float64Array.of(0.2, 0.7);
      const process = predicting(sde, "velocity");
      const scores = network.scoreFunction(parameters, process);
      const { score, divergence } = await scores.scoreAndDivergence(x, t, probe);
      const at = (i: number) => t[Math.floor(i / 4)]!;
      const expected = x.map((v, i) => process.scoreScale(at(i)) * (w * v + b) + process.inputScale!(at(i)) * v);
      expect(largestError(score, expected)).toBeLessThan(1e-6);
      expect(await scores.score(x, t)).toEqual(score);
      const traces = [0, 4].map((from) => {
        const squared = probe.slice(from, from + 4).reduce((sum, v) => sum + v * v, 0);
        return (process.scoreScale(at(from)) * w + process.inputScale!(at(from))) * squared;
      });
      expect(largestError(divergence, traces)).toBeLessThan(1e-5);
      parameters.dispose();
    });
  });

  it("frees its inputs when they do not fit", async () => {
    await expectNoLeak(async () => {
      const parameters = flat();
      const wrong = { ...inputs(4), noise: new Float32Array(3) };
      await expect(network.losses(parameters, wrong)).rejects.toThrow();
      await expect(network.lossAndGradient(parameters, wrong, KEY)).rejects.toThrow();
      parameters.dispose();
    });
  });
});

describe("a network of vectors", () => {
  it("gives loss, gradient, score and divergence of the same numbers as an image, in its own shape", async () => {
    await expectNoLeak(async () => {
      const found = [];
      for (const shape of [[6], [1, 2, 3]]) {
        const network = scoreNetwork(linearModel(shape), { reduceMean: true, compile: true });
        const parameters = tf.tensor1d(initialParameters(network.layout, 1));
        const { losses, gradient } = await network.lossAndGradient(parameters, inputs(6), KEY);
        const score = network.scoreFunction(parameters, sde);
        expect(score.shape).toEqual(shape);
        const t = Float64Array.of(0.3, 0.7);
        const results = await score.scoreAndDivergence(normal(12, 1), t, normal(12, 2));
        found.push({ losses, gradient: gradient.dataSync(), ...results, alone: await score.score(normal(12, 1), t) });
        for (const tensor of [gradient, parameters]) tensor.dispose();
        network.dispose();
      }
      const [vector, image] = found;
      expect(vector).toEqual(image);
      expect(vector!.score).toHaveLength(12);
      // Of w x + b the loss and the divergence are known.
      const [b, w] = initialParameters(scoreNetwork(linearModel([6]), { reduceMean: true, compile: false }).layout, 1).filter((v) => v !== 0); // prettier-ignore
      const { perturbed, noise, outputScale, weight } = inputs(6);
      const losses = [0, 1].map((e) => {
        const terms = [...perturbed.subarray(6 * e, 6 * e + 6)].map((x, i) => (outputScale[e]! * (w! * x + b!) + noise[6 * e + i]!) ** 2); // prettier-ignore
        return (weight[e]! * terms.reduce((a, c) => a + c)) / 6;
      });
      expect(largestError(vector!.losses, Float32Array.from(losses))).toBeLessThan(1e-5);
    });
  });
});
