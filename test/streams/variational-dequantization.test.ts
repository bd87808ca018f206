import type { Tensor1D } from "@tensorflow/tfjs";
import { from, lastValueFrom, map, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, floats } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { flowppDequantizer } from "../../src/models/flowpp/dequantizer.ts";
import { dequantizationObjective as lossOf, type DequantizationDraws } from "../../src/models/flowpp/loss.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { fillNormal, fillUniform, randomKey, type Key } from "../../src/base/random.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { dequantizationLoss } from "../../src/streams/dequantization-loss.ts";
import { dequantize, unitImage, type DequantizationNoise } from "../../src/streams/dequantize.ts";
import type { Gradient } from "../../src/streams/gradient.ts";
import { expectInStep } from "../support/marbles.ts";
import { largestError, moments } from "../support/numbers.ts";
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
    const noise = new Float32Array(18);
    fillNormal(randomKey(1, "dequantize", 0, 0), noise);
    const { u } = draw(noise, new Float32Array(18));
    expect(floats(result, "data").data).toEqual(Float32Array.from(image, (byte, i) => (byte + u[i]!) / 256));
    expect([...floats(result, "logQ").data]).toEqual([-2, -2, -2]);
  });

  it("gives the dequantizer standard normal noise by (seed, step, shard), and pixels over 255", async () => {
    const seen: Float32Array[] = [];
    const spy: DequantizationNoise = (noise, image) => {
      seen.push(noise.slice());
      // Byte i of example e is 7 e + i, in its last eight bits.
      expect(image).toEqual(Float32Array.from(image, (_, i) => ((7 * Math.floor(i / 6) + (i % 6)) % 256) / 255));
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
  const setup = { eps: 1e-3, offset: true, reference: false, compile: false };

  const drawn = (fill: (key: Key, out: Float32Array) => void, n: number, ...path: (string | number)[]) => {
    const out = new Float32Array(n);
    fill(randomKey(3, ...path), out);
    return out;
  };
  /** What the operator draws for four images. */
  function drawsOf(step: number, shard: number, importance: boolean): DequantizationDraws {
    const noise = (purpose: string) => drawn(fillNormal, 64, purpose, step, shard);
    const { cumulative, inverse } = sde.importance!;
    return {
      image: unitImage(bytes(imageBatch(4, {}, shape), "image").data),
      t: drawn(fillUniform, 4, "dequantizer time", step, shard).map((u) =>
        importance ? inverse(u * cumulative(1, 1e-3), 1e-3) : 1e-3 + u * (1 - 1e-3),
      ),
      noise: noise("dequantizer"),
      priorNoise: noise("dequantizer prior"),
      timeNoise: noise("dequantizer noise"),
      offsetNoise: noise("dequantizer offset"),
    };
  }

  const kinds = [
    { importance: true, centered: true, shift: 7 },
    { importance: false, centered: false, shift: 8 },
  ];
  it.each(kinds)("gives the loss of its draws in bits/dim and the gradient, and leaves no tensor: %o", async (kind) => {
    await expectNoLeak(async () => {
      const { shift, ...chosen } = kind;
      const state = TrainState.initial(layoutOf(dequantizer.parameters), 1);
      // The loss is of the parameters, not of their average.
      state.setEma(tf.zeros([state.layout.length]));
      const score: Tensor1D = tf.fill([layoutOf(model.parameters).length], 0.1);
      const loss = lossOf(dequantizer, model, sde, { ...setup, ...chosen });
      const options = { score, eps: 1e-3, ...chosen, seed: 3 };
      const at = [
        { step: 4, shard: 0 },
        { step: 5, shard: 2 },
      ] as const;
      // The gradient lives until the next value.
      const read = map(({ batch, values }: Gradient) => ({
        ...{ t: floats(batch, "t").data, loss: floats(batch, "loss").data },
        gradient: [...values.dataSync()],
      }));
      const batches = from(at.map((info) => imageBatch(4, info, shape)));
      const found = await lastValueFrom(batches.pipe(dequantizationLoss(loss, sde, state, options), read, toArray()));
      for (const [i, { step, shard }] of at.entries()) {
        const draws = drawsOf(step, shard, chosen.importance);
        const { losses, gradient } = await loss.lossAndGradient(state.parameters, score, draws);
        expect(found[i]!.t).toEqual(draws.t);
        expect(found[i]!.loss).toEqual(losses.map((nats) => nats / (16 * Math.LN2) + shift));
        // Not compared as a whole: to tell how thousands of numbers differ takes minutes.
        expect(largestError(found[i]!.gradient, [...gradient.dataSync()])).toBe(0);
        gradient.dispose();
      }
      state.dispose();
      loss.dispose();
      tf.dispose(score);
    });
  });
});
