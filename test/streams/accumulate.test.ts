import type { Tensor1D } from "@tensorflow/tfjs";
import { from, lastValueFrom, map, of, Subject, take, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, floats, type BatchInfo } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { scoreNetwork } from "../../src/models/score-network.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { accumulate } from "../../src/streams/accumulate.ts";
import { gradientOf, type Gradient as AnyGradient } from "../../src/streams/gradient.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { testScheduler } from "../support/marbles.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { infoAt, perturbedBatch, sde, TINY } from "./fixture.ts";

type Gradient = AnyGradient<"shard" | "reduced">;

/** A gradient of the given numbers with one loss, `10 step + shard`. */
function gradient(values: number[], over: Partial<BatchInfo>): Gradient {
  const info = infoAt({ shards: 4, ...over });
  const row = (value: number) => ({ data: Float32Array.of(value), shape: [] });
  return gradientOf(
    "shard",
    createBatch({ t: row(0.5), loss: row(10 * info.step + info.shard) }, info),
    tf.tensor1d(values),
  );
}

const summary = map(({ batch, values }: AnyGradient) => ({
  info: batch.info,
  losses: [...floats(batch, "loss").data],
  mean: [...values.dataSync()],
}));

/** Runs with inputs that are freed afterwards, as their owner would. */
async function run(shards: number, inputs: Gradient[]) {
  const outputs = await lastValueFrom(from(inputs).pipe(accumulate(shards), summary, toArray())).finally(() =>
    tf.dispose(inputs.map(({ values }) => values)),
  );
  return outputs;
}

const steps = (n: number, shards: number) =>
  Array.from({ length: n * shards }, (_, i) =>
    gradient([i, -i], { step: Math.floor(i / shards), shard: i % shards, firstSample: 100 * i }),
  );

describe("accumulate", () => {
  it("gives the mean of each step's shards, with the losses of all", async () => {
    await expectNoLeak(async () => {
      const mean = (values: number[]) => values.map((v) => v / 4);
      expect(await run(4, steps(2, 4))).toEqual([
        { info: infoAt({ step: 0 }), losses: [0, 1, 2, 3], mean: mean([6, -6]) },
        { info: infoAt({ step: 1, firstSample: 400 }), losses: [10, 11, 12, 13], mean: mean([22, -22]) },
      ]);
    });
  });

  it("hands single shards on as they are", async () => {
    const only = gradient([1], { shards: 1 });
    expect(await lastValueFrom(of(only).pipe(accumulate(1)))).toEqual({ ...only, of: "step" });
    only.values.dispose();
  });

  it("takes a replica's shards of a step, which begin where its share does", async () => {
    const of = (shard: number) => gradient([shard], { step: 0, shard, shards: 6 });
    const summed = await run(2, [of(4), of(5), of(0), of(1)]);
    expect(summed.map(({ mean }) => mean)).toEqual([[4.5], [0.5]]);
    await expect(run(2, [of(3), of(4)])).rejects.toThrow("expected shard 2 of step 0, got 3 of 0");
  });

  it.each([2, 3, 4, 5, 8])("sums %d shards in binary-tree order, in float32", async (shards) => {
    const numbers = [1e8, 1, -1e8, 3, 1 / 3, 2 ** 25, -(2 ** 25), 0.7].slice(0, shards);
    const { fround } = Math;
    // Halves at the largest power of two: ((0 + 1) + (2 + 3)) + 4.
    const tree = (v: number[]): number => {
      if (v.length === 1) return fround(v[0]!);
      const half = 2 ** Math.ceil(Math.log2(v.length) - 1);
      return fround(tree(v.slice(0, half)) + tree(v.slice(half)));
    };
    const inOrder = numbers.reduce((a, b) => fround(a + fround(b)), 0);
    if (shards === 4) expect(tree(numbers)).not.toBe(inOrder); // The order matters for these numbers.
    const [result] = await run(
      shards,
      numbers.map((v, shard) => gradient([v], { shard, shards })),
    );
    expect(result!.mean).toEqual([fround(tree(numbers) * fround(1 / shards))]);
  });

  it("equals the gradient of the whole batch", async () => {
    await expectNoLeak(async () => {
      const network = scoreNetwork(ncsnpp(TINY), { reduceMean: true, compile: false });
      const state = TrainState.initial(network.layout, 1);
      const whole = perturbedBatch(8, network.model.shape);
      const part = (shard: number) => {
        const cut = (name: "t" | "noise" | "perturbed") => {
          const { data, shape } = floats(whole, name);
          return { data: data.slice((data.length / 4) * shard, (data.length / 4) * (shard + 1)), shape };
        };
        const columns = { t: cut("t"), noise: cut("noise"), perturbed: cut("perturbed") };
        return createBatch(columns, infoAt({ shard, shards: 4, firstSample: 2 * shard }));
      };
      const training = scoreMatching(network, sde, state, { weighting: "likelihood", seed: 1 });
      const [one] = await lastValueFrom(of(whole).pipe(training, summary, toArray()));
      const [mean] = await lastValueFrom(
        from([0, 1, 2, 3].map(part)).pipe(training, accumulate(4), summary, toArray()),
      );
      expect(mean!.info).toEqual(one!.info);
      expect(largestError(mean!.losses, one!.losses)).toBeLessThan(1e-5);
      const size = Math.max(...one!.mean.map(Math.abs));
      expect(size).toBeGreaterThan(0);
      expect(largestError(mean!.mean, one!.mean, size)).toBeLessThan(1e-5);
      state.dispose();
      network.dispose();
    });
  });

  it("emits in the turn of the last shard and passes completion and unsubscription on", () => {
    const [a, b, c, d] = steps(2, 2) as [Gradient, Gradient, Gradient, Gradient];
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const losses = map((gradient: AnyGradient) => floats(gradient.batch, "loss").data.length);
      const source = cold("-ab-c-d-|", { a, b, c, d });
      expectObservable(source.pipe(accumulate(2), losses)).toBe("--x---x-|", { x: 2 });
      expectObservable(source.pipe(accumulate(2), losses), "---!").toBe("--x-", { x: 2 });
      expectObservable(source.pipe(accumulate(2), losses, take(1))).toBe("--(x|)", { x: 2 });
      expectSubscriptions(source.subscriptions).toBe(["^-------!", "^--!", "^-!"]);
    });
    tf.dispose([a, b, c, d].map(({ values }) => values));
  });

  it("frees its sums on unsubscription and on an error", async () => {
    const inputs = steps(1, 4);
    await expectNoLeak(async () => {
      const source = new Subject<Gradient>();
      const subscription = source.pipe(accumulate(4)).subscribe();
      for (const input of inputs.slice(0, 3)) source.next(input);
      subscription.unsubscribe();
      expect(source.observed).toBe(false);

      const failing = new Subject<Gradient>();
      const failed = lastValueFrom(failing.pipe(accumulate(4)));
      failing.next(inputs[0]!);
      failing.error(new Error("node lost"));
      await expect(failed).rejects.toThrow("node lost");
    });
    tf.dispose(inputs.map(({ values }) => values));
  });

  const broken: [string, Partial<BatchInfo>[], RegExp][] = [
    ["is left out", [{ shard: 0 }, { shard: 2 }], /expected shard 1 of step 0, got 2 of 0/],
    ["comes twice", [{ shard: 0 }, { shard: 0 }], /expected shard 1 of step 0, got 0 of 0/],
    ["is of another step", [{ shard: 0 }, { shard: 1, step: 1 }], /expected shard 1 of step 0, got 1 of 1/],
    ["is missing at the end", [{ shard: 0 }, { shard: 1 }], /the stream ended after 2 of 4 shards/],
  ];
  it.each(broken)("notifies an error when a shard %s, and leaks nothing", async (_, infos, message) => {
    await expectNoLeak(async () => {
      const inputs = infos.map((info) => gradient([1], info));
      await expect(run(4, inputs)).rejects.toThrow(message);
    });
  });

  it("notifies an error when gradients differ in length, and leaks nothing", async () => {
    await expectNoLeak(async () => {
      const inputs = [gradient([1, 2], { shard: 0 }), gradient([1, 2, 3], { shard: 1 })];
      await expect(run(2, inputs)).rejects.toThrow();
    });
  });

  it("owns what it emits: freed after the value", async () => {
    const inputs = steps(1, 2);
    const seen: Tensor1D[] = [];
    await lastValueFrom(
      from(inputs).pipe(
        accumulate(2),
        map(({ values }) => seen.push(values)),
      ),
    );
    expect(seen.map((t) => t.isDisposed)).toEqual([true]);
    expect(inputs.map(({ values }) => values.isDisposed)).toEqual([false, false]);
    tf.dispose(inputs.map(({ values }) => values));
  });

  it.each([[0], [1.5]])("refuses %d shards", (shards) => {
    expect(() => accumulate(shards)).toThrow(`accumulate: shards must be a positive integer, got ${shards}`);
  });
});
