import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../../src/engine/tf.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { columnFirstConv, affineDense, weightNormConv, type Affine } from "../../../src/models/flowpp/affine.ts";
import { pixelNorm } from "../../../src/models/flowpp/bijection.ts";
import { splitColumns } from "../../../src/models/flowpp/columns.ts";
import { flowppDequantizer } from "../../../src/models/flowpp/dequantizer.ts";
import { initializeFromData } from "../../../src/models/flowpp/initialize.ts";
import { initialize, Scope, type Parameter } from "../../../src/models/scope.ts";
import { expectNoLeak, normal, normalTensor, values } from "../../support/tensors.ts";
import { contextOf, FORM_NAMES, images, pixels, SHAPE, SIZES } from "./support.ts";

/** Draws the parameters of a scope and lets a layer set them from data. */
function adapting(scope: Scope) {
  const parameters: Record<string, Tensor> = Object.fromEntries(
    scope.specs().map((spec) => [spec.name, tf.tensor(initialize(spec, 1), [...spec.shape])]),
  );
  const adapt = (parameter: Parameter, value: Tensor) => {
    const drawn = parameter({ parameters });
    const [name] = Object.entries(parameters).find(([, tensor]) => tensor === drawn)!;
    parameters[name] = value;
  };
  return { parameters, adapt };
}

/** Mean and standard deviation over the axes. */
function spread(y: Tensor, axes: number[]) {
  const { mean, variance } = tf.moments(y, axes);
  return { mean: values(mean), std: values(tf.sqrt(variance)) };
}

describe("initializing from data", () => {
  const layers: [string, Affine][] = [
    ["dense", affineDense],
    ["columnFirstConv", columnFirstConv],
    ["weightNormConv", weightNormConv],
  ];
  it.each(layers)("brings the channels of %s to mean 0 and the spread asked for", (_name, layer) => {
    tf.tidy(() => {
      const scope = Scope.root();
      const run = layer(scope, "layer", { inputs: 3, outputs: 5, spread: 0.1 });
      const context = adapting(scope);
      const x = tf.add<Tensor4D>(tf.mul(normalTensor([4, 6, 8, 3], 1), 3), 2);
      run(context, x);
      const { mean, std } = spread(run({ parameters: context.parameters }, x), [0, 1, 2]);
      for (const value of mean) expect(Math.abs(value)).toBeLessThan(1e-5);
      for (const value of std) expect(value).toBeCloseTo(0.1, 4);
    });
  });

  it("brings every pixel to mean 0 and variance 1 over the batch", () => {
    tf.tidy(() => {
      const scope = Scope.root();
      const norm = pixelNorm(scope, [4, 2, 3]);
      const context = adapting(scope);
      const halves = splitColumns(tf.add(tf.mul(normalTensor<Tensor4D>([8, 4, 4, 3], 1), 3), 2));
      const features = tf.zeros([8, 4, 2, 32]) as Tensor4D;
      norm.forward(context, halves, features);
      for (const half of norm.forward({ parameters: context.parameters }, halves, features).halves) {
        const { mean, std } = spread(half, [0]);
        for (const value of mean) expect(Math.abs(value)).toBeLessThan(1e-5);
        for (const value of std) expect(value).toBeCloseTo(1, 4);
      }
    });
  });

  it.each(FORM_NAMES)("sets up a dequantizer near the logistic distribution, %s", async (form) => {
    await expectNoLeak(() => {
      const dequantizer = flowppDequantizer(form, SHAPE, SIZES);
      const [noise, image] = [normalTensor<Tensor4D>([16, ...SHAPE], 2), images(16, SHAPE, 3)];
      const flat = initializeFromData(dequantizer, 1, normal(noise.size, 2), pixels(16, SHAPE, 3));
      tf.tidy(() => {
        const { u, negLogQ } = dequantizer.apply(contextOf(dequantizer, flat), noise, image);
        expect(values(negLogQ).every(Number.isFinite)).toBe(true);
        const { mean, std } = spread(u, [0, 1, 2, 3]);
        expect(mean[0]).toBeGreaterThan(0.4);
        expect(mean[0]).toBeLessThan(0.6);
        expect(std[0]).toBeGreaterThan(0.1);
        expect(std[0]).toBeLessThan(0.45);
      });
      tf.dispose([noise, image]);
    });
  });

  it("is a function of the seed and the data", () => {
    const shape = [2, 2, 1] as const;
    const dequantizer = flowppDequantizer("cifar10", shape, SIZES);
    const from = (seed: number, images: number) =>
      initializeFromData(dequantizer, seed, normal(16, 2), pixels(4, shape, images));
    const flat = from(1, 3);
    expect(from(1, 3)).toEqual(flat);
    expect(from(2, 3)).not.toEqual(flat);
    expect(from(1, 4)).not.toEqual(flat);
  });

  it("refuses a batch of one image, and frees what it made", async () => {
    await expectNoLeak(() => {
      const dequantizer = flowppDequantizer("cifar10", SHAPE, SIZES);
      const one = () => initializeFromData(dequantizer, 1, normal(48, 2), pixels(1, SHAPE, 3));
      expect(one).toThrow(/one image/);
      expect(one).toThrow(UsageError);
    });
  });
});
