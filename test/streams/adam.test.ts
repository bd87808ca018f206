import { from, lastValueFrom, of, Subject, take, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, floats } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { NonFiniteLossError } from "../../src/base/errors.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import type { AdamOptions } from "../../src/training/adam.ts";
import type { ScheduleOptions } from "../../src/training/schedule.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { adam, type StepRecord } from "../../src/streams/adam.ts";
import { ema } from "../../src/streams/ema.ts";
import { gradientOf, type Gradient } from "../../src/streams/gradient.ts";
import { expectInStep } from "../support/marbles.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { infoAt } from "./fixture.ts";

const layout = layoutOf([{ name: "w", shape: [16], init: { kind: "normal", std: 1 } }]);
const newState = () => TrainState.initial(layout, 1);
const options: AdamOptions & ScheduleOptions = {
  ...{ beta1: 0.9, beta2: 0.999, eps: 1e-8, gradClip: 1, weightDecay: 0, compile: true },
  ...{ lr: 0.1, warmup: 0, schedule: "constant" as const, finalLr: 0, decaySteps: 1 },
};

/** A constant gradient with two losses; its norm is 4 |value|. */
function gradient(value: number, step = 0, losses = [1, 3]): Gradient<"step"> {
  const column = (values: number[]) => ({ data: Float32Array.from(values), shape: [] });
  const batch = createBatch({ t: column([0.5, 0.5]), loss: column(losses) }, infoAt({ step }));
  return gradientOf("step", batch, tf.fill([16], value));
}
const free = (gradients: readonly Gradient[]) => tf.dispose(gradients.map(({ values }) => values));
const row = (record: StepRecord) =>
  (["loss", "gradNorm", "learningRate"] as const).map((name) => floats(record, name).data[0]!);

describe("adam", () => {
  it("tells mean loss, norm before clipping and the scheduled rate, and moves the state", async () => {
    await expectNoLeak(async () => {
      const state = newState();
      const before = state.snapshot();
      const inputs = [gradient(0.5, 0), gradient(-2, 1)];
      const records = await lastValueFrom(
        from(inputs).pipe(adam(state, { ...options, schedule: "linear", finalLr: 0, decaySteps: 4 }), toArray()),
      );
      expect(records.map(({ info, size }) => [info.step, size])).toEqual([
        [0, 1],
        [1, 1],
      ]);
      expect(largestError(row(records[0]!), [2, 2, 0.1])).toBeLessThan(1e-6);
      expect(largestError(row(records[1]!), [2, 8, 0.075])).toBeLessThan(1e-6);
      const after = state.snapshot();
      expect(after.step).toBe(2);
      // The first update is the rate in the direction of the sign; the second, with opposite clipped gradients
      // g = 1/4 and -1/4: m = (0.09 - 0.1) g, v = (0.999 + 1) 0.001 g^2, corrected by 1 - beta^2.
      const second = (0.075 * ((0.09 - 0.1) / 0.19)) / Math.sqrt((0.001 * 1.999) / (1 - 0.999 ** 2));
      const expected = before.parameters.map((p) => p - 0.1 - second);
      expect(largestError(after.parameters, expected)).toBeLessThan(1e-5);
      free(inputs);
      state.dispose();
    });
  });

  it("corrects the moments' bias by the steps since they began anew", async () => {
    await expectNoLeak(async () => {
      const state = newState();
      const { parameters, ...others } = state.snapshot();
      state.restore({ ...others, parameters, step: 10 });
      const inputs = [gradient(0.5, 10)];
      await lastValueFrom(from(inputs).pipe(adam(state, { ...options, restartEvery: 5 })));
      // The first update of fresh moments is the rate in the direction of the sign.
      expect(largestError(state.snapshot().parameters, parameters.map((p) => p - 0.1))).toBeLessThan(1e-5); // prettier-ignore
      free(inputs);
      state.dispose();
    });
  });

  const bad: [string, () => Gradient<"step">, number][] = [
    ["a loss is NaN", () => gradient(1, 0, [1, NaN]), NaN],
    ["a loss is infinite", () => gradient(1, 0, [1, Infinity]), Infinity],
    ["the gradient is NaN", () => gradient(NaN, 0), NaN],
    ["the gradient is infinite", () => gradient(Infinity, 0), Infinity],
  ];
  it.each(bad)("notifies NonFiniteLossError and leaves the state when %s", async (_, make, value) => {
    await expectNoLeak(async () => {
      const state = newState();
      const fine = gradient(1, 0);
      const source = [fine, make(), fine];
      const before = await lastValueFrom(of(fine).pipe(adam(state, options))).then(() => state.snapshot());
      const seen: StepRecord[] = [];
      const failed = new Promise((_, reject) =>
        from(source)
          .pipe(adam(state, options))
          .subscribe({ next: (record) => seen.push(record), error: reject }),
      );
      await expect(failed).rejects.toSatisfy(
        (error) => error instanceof NonFiniteLossError && error.step === 2 && Object.is(error.loss, value),
      );
      expect(seen).toHaveLength(1);
      // The state after the good step before it, although the source went on.
      expect(state.step).toBe(2);
      expect(state.snapshot().parameters).not.toEqual(before.parameters);
      const expected = newState();
      await lastValueFrom(from([fine, fine]).pipe(adam(expected, options)));
      expect(state.snapshot()).toEqual(expected.snapshot());
      free(source.slice(0, 2));
      for (const owner of [state, expected]) owner.dispose();
    });
  });

  it("takes no step after unsubscription, leaves its producer and frees its graph", async () => {
    await expectNoLeak(async () => {
      const state = newState();
      const inputs = [gradient(1, 0), gradient(1, 1)];
      await lastValueFrom(from(inputs).pipe(adam(state, options), take(1)));
      expect(state.step).toBe(1);
      const source = new Subject<Gradient<"step">>();
      const subscription = source.pipe(adam(state, options)).subscribe();
      source.next(inputs[0]!);
      expect(state.step).toBe(2);
      subscription.unsubscribe();
      expect(source.observed).toBe(false);
      source.next(inputs[1]!);
      expect(state.step).toBe(2);
      free(inputs);
      state.dispose();
    });
  });

  it("notifies an error of the update", async () => {
    const state = newState();
    const wrong: Gradient<"step"> = { ...gradient(1), values: tf.zeros([3]) };
    await expect(lastValueFrom(of(wrong).pipe(adam(state, options)))).rejects.toThrow();
    expect(state.step).toBe(0);
    state.dispose();
    wrong.values.dispose();
  });

  it("emits in the turn of its input and passes completion, errors and unsubscription on", () => {
    const state = newState();
    const inputs = [gradient(1, 0), gradient(1, 1)] as const;
    expectInStep(
      () => adam(state, options),
      inputs,
      (record) => record.info.step,
      [0, 1],
    );
    free(inputs);
    state.dispose();
  });
});

/** What `adam` gives for a step. */
function stepRecord(loss: number): StepRecord {
  const row = (value: number) => ({ data: Float32Array.of(value), shape: [] });
  return createBatch({ loss: row(loss), gradNorm: row(1), learningRate: row(1) }, infoAt());
}

describe("ema", () => {
  it("moves the average towards the parameters after each value, which it hands on", async () => {
    await expectNoLeak(async () => {
      const state = newState();
      state.setEma(tf.zeros([16]));
      const { parameters } = state.snapshot();
      const steps = [stepRecord(1), stepRecord(2)];
      const values = from(steps).pipe(ema(state, { rate: 0.75, compile: true }), toArray());
      expect((await lastValueFrom(values)).map((value) => floats(value, "loss").data[0])).toEqual([1, 2]);
      const expected = parameters.map((p) => p * (1 - 0.75 ** 2));
      expect(largestError(state.snapshot().ema, expected)).toBeLessThan(1e-6);
      expect(state.snapshot().parameters).toEqual(parameters);
      state.dispose();
    });
  });

  it("moves further averages by their own decay, and leaves the main one's bits alone", async () => {
    await expectNoLeak(async () => {
      const [state, usual] = [newState(), newState()];
      for (const one of [state, usual]) one.setEma(tf.zeros([16]));
      const options = { rate: 0.75, stride: 2, compile: true };
      await lastValueFrom(from([stepRecord(1), stepRecord(2)]).pipe(ema(state, { ...options, rates: [0.5, 0] })));
      await lastValueFrom(from([stepRecord(1), stepRecord(2)]).pipe(ema(usual, { rate: 0.75 ** 2, compile: true })));
      const { parameters, ema: main, averages } = state.snapshot();
      expect(main).toEqual(usual.snapshot().ema);
      const expected = parameters.map((p) => p * (1 - 0.5 ** 4));
      expect(largestError(averages!.get(0.5)!, expected)).toBeLessThan(1e-6);
      expect(averages!.get(0)).toEqual(parameters);
      for (const one of [state, usual]) one.dispose();
    });
  });

  it("emits in the turn of its input and passes completion, errors and unsubscription on", async () => {
    await expectNoLeak(() => {
      const state = newState();
      expectInStep(
        () => ema<StepRecord>(state, { rate: 0.5, compile: true }),
        [stepRecord(1), stepRecord(2)],
        (row) => floats(row, "loss").data[0],
        [1, 2],
      );
      state.dispose();
    });
  });

  it("stops moving after unsubscription", async () => {
    const state = newState();
    state.setEma(tf.zeros([16]));
    await lastValueFrom(
      from([stepRecord(1), stepRecord(2), stepRecord(3)]).pipe(ema(state, { rate: 0.5, compile: false }), take(1)),
    );
    const { parameters, ema: average } = state.snapshot();
    expect(
      largestError(
        average,
        parameters.map((p) => p / 2),
      ),
    ).toBeLessThan(1e-6);
    state.dispose();
  });

  it.each([[1], [-0.1], [NaN]])("refuses a rate of %d", (rate) => {
    const state = newState();
    expect(() => ema(state, { rate, compile: true })).toThrow(`ema: rate must lie in [0, 1), got ${rate}`);
    state.dispose();
  });
});
