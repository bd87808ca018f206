import { from, lastValueFrom, throwError, toArray } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { gradientOf } from "../../src/streams/gradient.ts";
import { gradientHistograms } from "../../src/streams/gradient-histograms.ts";
import { infoAt } from "./fixture.ts";

const zeros = { kind: "zeros" } as const;
const layout = layoutOf([
  { name: "Conv_0/bias", shape: [2], init: zeros },
  { name: "Conv_0/kernel", shape: [3], init: zeros },
  { name: "Dense_0/kernel", shape: [1], init: zeros },
]);
/** By slots of 16; what is between them belongs to nobody. */
const flat = (...values: number[]) => {
  const all = new Float32Array(layout.length).fill(1e6);
  layout.slots.forEach(({ offset, size }, i) => all.fill(values[i]!, offset, offset + size));
  return all;
};

function gradientAt(step: number, values: Float32Array) {
  const column = { data: Float32Array.of(1), shape: [] };
  const tensor = tf.tensor1d(values);
  onTestFinished(() => tensor.dispose());
  return gradientOf("step", createBatch({ t: column, loss: column }, infoAt({ step })), tensor);
}

describe("gradientHistograms", () => {
  it("counts all elements and those of each part, every so many steps, and passes the gradients on", async () => {
    const meter = new Meter();
    const gradients = [0, 1, 2, 3].map((step) => gradientAt(step, flat(step, -2, 0.5)));
    const before = tf.memory().numTensors;
    const passed = await lastValueFrom(
      from(gradients).pipe(gradientHistograms(layout, { meter, every: 2 }), toArray()),
    );
    expect(passed).toEqual(gradients);
    expect(tf.memory().numTensors).toBe(before);
    const read = meter.histograms();
    expect(read.map(({ name, step, counts: { num, sum, min, max } }) => [name, step, num, sum, min, max])).toEqual([
      ["gradients", 2, 6, 2 * 1 - 6 + 0.5, -2, 1],
      ["gradients/Conv_0", 2, 5, 2 * 1 - 6, -2, 1],
      ["gradients/Dense_0", 2, 1, 0.5, 0.5, 0.5],
      ["gradients", 4, 6, 2 * 3 - 6 + 0.5, -2, 3],
      ["gradients/Conv_0", 4, 5, 2 * 3 - 6, -2, 3],
      ["gradients/Dense_0", 4, 1, 0.5, 0.5, 0.5],
    ]);
    expect(meter.histograms()).toEqual([]);
  });

  it("leaves a gradient that is not finite to the optimizer, and errors as they are", async () => {
    const meter = new Meter();
    const operator = gradientHistograms(layout, { meter, every: 1 });
    const gradient = gradientAt(0, flat(NaN, 1, 1));
    expect(await lastValueFrom(from([gradient]).pipe(operator))).toBe(gradient);
    expect(meter.histograms()).toEqual([]);
    await expect(lastValueFrom(throwError(() => new Error("boom")).pipe(operator))).rejects.toThrow("boom");
  });

  it("does nothing for 0, and refuses what is no whole number", async () => {
    const meter = new Meter();
    await lastValueFrom(from([gradientAt(0, flat(1, 1, 1))]).pipe(gradientHistograms(layout, { meter, every: 0 })));
    expect(meter.histograms()).toEqual([]);
    expect(() => gradientHistograms(layout, { meter, every: 0.5 })).toThrow("every must be a whole number, got 0.5");
  });
});
