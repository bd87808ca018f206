import type { Tensor1D } from "@tensorflow/tfjs";
import { from, lastValueFrom, map, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, floats } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { flowppDequantizer } from "../../src/models/flowpp/dequantizer.ts";
import { dequantizationLoss as lossOf } from "../../src/models/flowpp/loss.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { dequantizationLoss } from "../../src/streams/dequantization-loss.ts";
import { dequantize, type DequantizationNoise } from "../../src/streams/dequantize.ts";
import { expectInStep } from "../support/marbles.ts";
import { moments } from "../support/numbers.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { imageBatch, linearModel, sde } from "./fixture.ts";

describe('dequantize("variational")', () => {
  /** A dequantizer whose u and -log q are known. */
  const draw: DequantizationNoise = (noise, image) => ({
    u: noise.map((z) => (z > 0 ? 0.75 : 0.25)),
    negLogQ: new Float32Array(image.length / 6).fill(2),
  });

  it("adds the drawn noise, and log q to the batch", async () => {
    const batch = imageBatch(3);
    const options = { seed: 1, centered: false, draw };
    const result = await lastValueFrom(of(batch).pipe(dequantize("variational", options)));
    const image = bytes(batch, "image").data;
    const u = floats(result, "data").data.map((value, i) => value * 256 - image[i]!);
    expect(u.every((value) => Math.min(Math.abs(value - 0.75), Math.abs(value - 0.25)) < 1e-4)).toBe(true);
    expect([...floats(result, "logQ").data]).toEqual([-2, -2, -2]);
  });

  it("gives the dequantizer standard normal noise by (seed, step, shard), and pixels over 255", async () => {
    const seen: Float32Array[] = [];
    const spy: DequantizationNoise = (noise, image) => {
      seen.push(noise.slice());
      expect(Math.max(...image)).toBeLessThanOrEqual(1);
      return draw(noise, image);
    };
    const options = { seed: 1, centered: true, draw: spy };
    const batches = [imageBatch(500), imageBatch(500, { step: 1 }), imageBatch(500)];
    await lastValueFrom(from(batches).pipe(dequantize("variational", options), toArray()));
    expect(seen[2]).toEqual(seen[0]);
    expect(seen[1]).not.toEqual(seen[0]);
    const { mean, variance } = moments(seen[0]!);
    // Four standard errors of 3000 draws.
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(3000));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 3000));
  });

  it("is one value for one value; without a dequantizer it is refused at once", () => {
    const [a, b] = [imageBatch(1), imageBatch(2)];
    expectInStep(
      () => dequantize<"image">("variational", { seed: 1, centered: true, draw }),
      [a, b],
      (v) => v.size,
      [1, 2],
    );
    expect(() => dequantize("variational", { seed: 1, centered: true })).toThrow(/needs draw/);
  });
});

describe("dequantizationLoss", () => {
  const shape = [4, 4, 1] as const;
  const dequantizer = flowppDequantizer("cifar10", shape, { filters: 4, components: 2, blocks: 1, heads: 1 });
  const model = linearModel(shape);
  const setup = { eps: 1e-3, importance: true, offset: true, reference: false, centered: true, compile: false };

  /** Runs the operator on two batches. */
  async function run(step: number) {
    const state = TrainState.initial(layoutOf(dequantizer.parameters), 1);
    const score: Tensor1D = tf.fill([layoutOf(model.parameters).length], 0.1);
    const loss = lossOf(dequantizer, model, sde, setup);
    const options = { score, eps: 1e-3, importance: true, centered: true, seed: 3 };
    try {
      const batches = from([imageBatch(4, { step }, shape), imageBatch(4, { step: step + 1 }, shape)]);
      return await lastValueFrom(
        batches.pipe(
          dequantizationLoss(loss, sde, state, options),
          // The gradient lives until the next value.
          map((gradient) => ({
            losses: [...floats(gradient.batch, "loss").data],
            gradient: [...floats(gradient.toArrow(), "gradient").data],
          })),
          toArray(),
        ),
      );
    } finally {
      state.dispose();
      loss.dispose();
      tf.dispose(score);
    }
  }

  it("gives losses in bits/dim and a gradient, by (seed, step), and leaves no tensor", async () => {
    await expectNoLeak(async () => {
      const first = await run(0);
      expect(first).toHaveLength(2);
      for (const { losses, gradient } of first) {
        expect(losses).toHaveLength(4);
        expect(losses.every(Number.isFinite)).toBe(true);
        expect(gradient.some((value) => value !== 0)).toBe(true);
        expect(gradient.every(Number.isFinite)).toBe(true);
      }
      expect(await run(0)).toEqual(first);
      expect(await run(5)).not.toEqual(first);
    });
  });
});
