import type { Tensor1D } from "@tensorflow/tfjs";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { expectNoLeak, normal } from "../support/tensors.ts";

const layout = layoutOf([
  { name: "a", shape: [3], init: { kind: "ones" } },
  { name: "b", shape: [2, 10], init: { kind: "normal", std: 1 } },
]);
const snapshot = () => ({
  step: 7,
  parameters: normal(layout.length, 1),
  m: normal(layout.length, 2),
  v: normal(layout.length, 3),
  ema: normal(layout.length, 4),
});

describe("TrainState", () => {
  it("starts with the average at the parameters and no moments", async () => {
    await expectNoLeak(() => {
      const state = TrainState.initial(layout, 1);
      const { step, parameters, m, v, ema } = state.snapshot();
      expect(step).toBe(0);
      expect([...parameters.subarray(0, 3)]).toEqual([1, 1, 1]);
      expect(ema).toEqual(parameters);
      expect([...m, ...v].every((value) => value === 0)).toBe(true);
      state.dispose();
    });
  });

  it("is a function of the seed", () => {
    const digests = [1, 1, 2].map((seed) => {
      const state = TrainState.initial(layout, seed);
      const digest = state.digest();
      state.dispose();
      return digest;
    });
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).not.toBe(digests[2]);
  });

  it("comes back from a snapshot bit for bit", async () => {
    await expectNoLeak(() => {
      const state = new TrainState(layout, snapshot());
      expect(state.snapshot()).toEqual(snapshot());
      const again = new TrainState(layout, state.snapshot());
      expect(again.snapshot()).toEqual(snapshot());
      expect(again.digest()).toBe(state.digest());
      state.dispose();
      again.dispose();
    });
  });

  it("gives snapshots that later steps and their owners leave alone", () => {
    const given = snapshot();
    const state = new TrainState(layout, given);
    const taken = state.snapshot();
    given.parameters.fill(9);
    taken.m.fill(9);
    expect(state.snapshot()).toEqual(snapshot());
    state.dispose();
  });

  it("takes over new state, frees the old and counts the step", async () => {
    await expectNoLeak(() => {
      const state = new TrainState(layout, snapshot());
      const old = [state.parameters, state.adam.m, state.adam.v, state.ema];
      const make = (value: number) => tf.fill([layout.length], value) as Tensor1D;
      state.advance({ parameters: make(1), m: make(2), v: make(3) });
      state.setEma(make(4));
      expect(old.every((t) => t.isDisposed)).toBe(true);
      const { step, parameters, m, v, ema } = state.snapshot();
      expect(step).toBe(8);
      expect(Object.entries({ parameters, m, v, ema }).map(([name, values]) => [name, values[0]])).toEqual([
        ["parameters", 1],
        ["m", 2],
        ["v", 3],
        ["ema", 4],
      ]);
      state.dispose();
    });
  });

  it("goes back to another snapshot bit for bit and frees what it had", async () => {
    await expectNoLeak(() => {
      const state = TrainState.initial(layout, 1);
      const old = [state.parameters, state.adam.m, state.adam.v, state.ema];
      state.restore(snapshot());
      expect(old.map((t) => t.isDisposed)).toEqual([true, true, true, true]);
      expect(state.snapshot()).toEqual(snapshot());
      state.dispose();
    });
  });

  it("keeps further averages, which begin at the main one, come back and can be evaluated", async () => {
    await expectNoLeak(() => {
      const state = new TrainState(layout, snapshot());
      state.keepAverages([0.9, 0.5]);
      const begun = state.averages.get(0.9)!;
      expect(begun.dataSync()).toEqual(snapshot().ema);
      state.setAverage(0.9, tf.fill([layout.length], 3));
      expect(begun.isDisposed).toBe(true);
      state.keepAverages([0.9]);
      const other = TrainState.initial(layout, 1);
      other.restore(state.snapshot());
      expect(other.snapshot()).toEqual(state.snapshot());
      expect([...other.snapshot().averages!].map(([rate, values]) => [rate, values[0]])).toEqual([
        [0.9, 3],
        [0.5, snapshot().ema[0]],
      ]);
      const main = state.averageDigest();
      state.evaluate(0.9);
      expect(state.average.dataSync()[0]).toBe(3);
      expect(state.averageDigest()).not.toBe(main);
      expect(() => state.evaluate(0.7)).toThrow("no average of the decay 0.7; beside the main one it has: 0.9, 0.5");
      state.evaluate(undefined);
      expect(state.averageDigest()).toBe(main);
      state.dispose();
      other.dispose();
    });
  });

  it("keeps averages of the decays asked for alone, in their order", async () => {
    await expectNoLeak(() => {
      const averages = new Map([0.5, 0.9].map((rate) => [rate, normal(layout.length, 10 * rate)]));
      const state = new TrainState(layout, { ...snapshot(), averages });
      state.keepOnlyAverages([0.3, 0.5]);
      expect([...state.snapshot().averages!]).toEqual([
        [0.3, snapshot().ema],
        [0.5, averages.get(0.5)],
      ]);
      state.keepOnlyAverages([]);
      expect(state.snapshot()).toEqual(snapshot());
      state.dispose();
    });
  });

  it("keeps the sums of the window, where there are some, and takes an average of a decay it did not have", async () => {
    await expectNoLeak(() => {
      const window = { step: 7, count: 2, loss: 3, gradNorm: 4, learningRate: 5 };
      const state = new TrainState(layout, { ...snapshot(), window });
      expect(state.snapshot()).toEqual({ ...snapshot(), window });
      state.restore(snapshot());
      expect(Object.keys(state.snapshot())).not.toContain("window");
      state.setAverage(0.25, tf.fill([layout.length], 3));
      expect(state.snapshot().averages!.get(0.25)![0]).toBe(3);
      state.dispose();
    });
  });

  it("digests the parameters in order, without the padding between them", () => {
    const state = new TrainState(layout, snapshot());
    const flat = snapshot().parameters;
    const packed = Float32Array.of(...flat.subarray(0, 3), ...flat.subarray(16, 36));
    expect(state.digest()).toBe(createHash("sha256").update(Buffer.from(packed.buffer)).digest("hex"));
    state.dispose();
  });
});
