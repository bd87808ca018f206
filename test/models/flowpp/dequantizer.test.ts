import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { compile } from "../../../src/engine/compile.ts";
import { isNative } from "../../../src/engine/kernels.ts";
import { tf } from "../../../src/engine/tf.ts";
import { flowppDequantizer } from "../../../src/models/flowpp/dequantizer.ts";
import { dequantizationSampler } from "../../../src/models/flowpp/sampler.ts";
import { layoutOf, unflatten } from "../../../src/models/parameters.ts";
import { largestError } from "../../support/numbers.ts";
import { expectNoLeak, normal, normalTensor, numericalGradient, values } from "../../support/tensors.ts";
import { contextOf, FORM_NAMES, images, pixels, SHAPE, SIZES, trained } from "./support.ts";

/** log |det| by elimination with pivots, in float64. */
function logAbsDet(rows: number[][]): number {
  let sum = 0;
  for (let k = 0; k < rows.length; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? k + i : best), k);
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    sum += Math.log(Math.abs(rows[k]![k]!));
    for (const row of rows.slice(k + 1)) {
      const factor = row[k]! / rows[k]![k]!;
      for (let j = k; j < rows.length; j++) row[j]! -= factor * rows[k]![j]!;
    }
  }
  return sum;
}

describe.each(FORM_NAMES)("flowppDequantizer, %s", (form) => {
  it("gives noise in [0, 1] and finds it again", async () => {
    await expectNoLeak(() => {
      tf.tidy(() => {
        const { dequantizer, moved } = trained(form);
        const context = contextOf(dequantizer, moved);
        const [noise, image] = [normalTensor<Tensor4D>([3, ...SHAPE], 5), images(3, SHAPE, 6)];
        const { u, negLogQ } = dequantizer.apply(context, noise, image);
        for (const value of values(u)) expect(value).toBeGreaterThanOrEqual(0);
        for (const value of values(u)) expect(value).toBeLessThanOrEqual(1);
        const back = dequantizer.inverse(context, u, image);
        // u is a float32 next to 0 or 1, so the noise in its tails is known less well.
        expect(largestError(values(back.noise), values(noise))).toBeLessThan(1e-3);
        const logDensity = tf.mul(tf.sum(tf.add(tf.square(noise), Math.log(2 * Math.PI)), [1, 2, 3]), -0.5);
        const expected = tf.sub(tf.neg(negLogQ), logDensity);
        expect(largestError(values(back.logDet), values(expected))).toBeLessThan(1e-3);
      });
    });
  });

  it("has the log-determinant of its Jacobian", () => {
    tf.tidy(() => {
      const shape = [2, 2, 2] as const;
      const { dequantizer, moved } = trained(form, shape);
      const context = contextOf(dequantizer, moved);
      const [image, dims, h] = [images(1, shape, 6), 8, 1e-2];
      const at = normal(dims, 7);
      // All points of the central differences as one batch.
      const points = Array.from({ length: 2 * dims }, (_, i) =>
        at.map((value, j) => (j === i >> 1 ? value + (i % 2 ? -h : h) : value)),
      );
      const batch = tf.tensor4d(Float32Array.from(points.flatMap((point) => [...point])), [2 * dims, ...shape]);
      const { u } = dequantizer.apply(context, batch, tf.tile(image, [2 * dims, 1, 1, 1]));
      const all = values(u);
      const jacobian = Array.from({ length: dims }, (_, i) =>
        Array.from({ length: dims }, (_, j) => (all[2 * i * dims + j]! - all[(2 * i + 1) * dims + j]!) / (2 * h)),
      );
      const { negLogQ } = dequantizer.apply(context, tf.tensor4d(at, [1, ...shape]), image);
      const logDensity = at.reduce((sum, z) => sum - 0.5 * (z * z + Math.log(2 * Math.PI)), 0);
      expect(Math.abs(logAbsDet(jacobian) - logDensity - values(negLogQ)[0]!)).toBeLessThan(0.01);
    });
  });

  it("has the gradients that differences give, for every parameter", () => {
    tf.tidy(() => {
      const { dequantizer, moved } = trained(form);
      const layout = layoutOf(dequantizer.parameters);
      const [noise, image] = [normalTensor<Tensor4D>([2, ...SHAPE], 5), images(2, SHAPE, 6)];
      const weight = normalTensor([2, ...SHAPE], 8);
      const names = layout.slots.map((slot) => slot.name);
      const loss = (parameters: Record<string, Tensor>) => {
        const { u, negLogQ } = dequantizer.apply({ parameters }, noise, image);
        return tf.add(tf.sum(tf.mul(u, weight)), tf.mul(tf.sum(negLogQ), 0.1));
      };
      const { parameters } = contextOf(dequantizer, moved);
      const gradients = tf.grads((...given: Tensor[]) =>
        loss(Object.fromEntries(names.map((name, i) => [name, given[i]!]))),
      )(names.map((name) => parameters[name]!));
      expect(gradients.flatMap(values).filter((value) => !Number.isFinite(value))).toEqual([]);

      // One direction through all parameters sees an error in any of them.
      const directions = [11, 12, 13].map((seed) => normal(layout.length, seed));
      for (const direction of directions) {
        const along = layout.slots.reduce((sum, { offset }, i) => {
          const own = values(gradients[i]!);
          return sum + own.reduce((total, g, j) => total + g * direction[offset + j]!, 0);
        }, 0);
        const f = ([step]: Float32Array) =>
          tf.tidy(() => {
            const point = moved.map((value, i) => value + step! * direction[i]!);
            return values(loss(contextOf(dequantizer, point).parameters))[0]!;
          });
        const [numerical] = numericalGradient(f, new Float32Array(1), [0], 1e-3) as [number];
        expect(Math.abs(along - numerical)).toBeLessThan(0.02 * (1 + Math.abs(numerical)));
      }
    });
  });

  it("stays finite for extreme noise and images of one colour", () => {
    tf.tidy(() => {
      const { dequantizer, moved } = trained(form);
      const context = contextOf(dequantizer, moved);
      const noise = tf.mul<Tensor4D>(normalTensor([2, ...SHAPE], 5), 1e4);
      const image = tf.concat([tf.zeros([1, ...SHAPE]), tf.ones([1, ...SHAPE])], 0) as Tensor4D;
      const { u, negLogQ } = dequantizer.apply(context, noise, image);
      const back = dequantizer.inverse(
        context,
        tf.concat([tf.zerosLike(image), tf.onesLike(image)], 0),
        tf.tile(image, [2, 1, 1, 1]),
      );
      const all = [u, negLogQ, back.noise, back.logDet].flatMap(values);
      expect(all.filter((value) => !Number.isFinite(value))).toEqual([]);
    });
  });

  it.runIf(isNative())("gives the same values and gradients as a compiled function", async () => {
    await expectNoLeak(() => {
      const { dequantizer, moved } = trained(form);
      const layout = layoutOf(dequantizer.parameters);
      const inputs = [tf.tensor1d(moved), normalTensor<Tensor4D>([2, ...SHAPE], 5), images(2, SHAPE, 6)];
      const run = (on: boolean) => {
        const fn = compile(
          (flat, noise, image) => {
            const named = unflatten(layout, flat as never);
            const names = layout.slots.map((slot) => slot.name);
            const gradients = tf.grads((...given: Tensor[]) => {
              const parameters = Object.fromEntries(names.map((name, i) => [name, given[i]!]));
              return tf.sum(dequantizer.apply({ parameters }, noise as Tensor4D, image as Tensor4D).negLogQ);
            })(names.map((name) => named[name]!));
            const { u, negLogQ } = dequantizer.apply({ parameters: named }, noise as Tensor4D, image as Tensor4D);
            return [u, negLogQ, ...gradients];
          },
          { name: "dequantizer", compile: on },
        );
        const first = fn(...inputs);
        // The second call runs the graph without recording it.
        const second = fn(...inputs);
        const result = second.map(values);
        tf.dispose([first, second]);
        fn.dispose();
        return result;
      };
      const [eager, graph] = [run(false), run(true)];
      graph.forEach((own, i) => {
        const scale = Math.max(1e-3, ...eager[i]!.map(Math.abs));
        expect(
          largestError(
            own.map((v) => v / scale),
            eager[i]!.map((v) => v / scale),
          ),
          `output ${i}`,
        ).toBeLessThan(1e-4);
      });
      tf.dispose(inputs);
    });
  });
});

it("draws and recovers through the compiled sampler", async () => {
  await expectNoLeak(() => {
    const { dequantizer, moved } = trained("cifar10");
    const sampler = dequantizationSampler(dequantizer, { compile: isNative() });
    const parameters = tf.tensor1d(moved);
    const image = pixels(2, SHAPE, 6);
    const noise = normal(image.length, 5);
    const { u, negLogQ } = sampler.draw(parameters, noise, image);
    expect(negLogQ.length).toBe(2);
    expect(largestError(sampler.recover(parameters, u, image).noise, noise)).toBeLessThan(1e-3);
    sampler.dispose();
    parameters.dispose();
  });
});

it("refuses shapes and sizes that do not fit", () => {
  expect(() => flowppDequantizer("cifar10", [4, 5, 3])).toThrow(/even width/);
  expect(() => flowppDequantizer("cifar10", [4, 4, 4])).toThrow(/up to 3 channels/);
  expect(() => flowppDequantizer("cifar10", SHAPE, { ...SIZES, heads: 3 })).toThrow(/heads/);
});
