import { from, lastValueFrom, throwError, toArray } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { gradientOf } from "../../src/streams/gradient.ts";
import { lossByNoise } from "../../src/streams/loss-by-noise.ts";
import { infoAt } from "./fixture.ts";

const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
const EPS = 1e-3;
const logSnr = (t: number) => Math.log(sde.meanCoeff(t) ** 2 / sde.std(t) ** 2);

function gradientAt(step: number, times: readonly number[], losses: readonly number[]) {
  const column = (values: readonly number[]) => ({ data: Float32Array.from(values), shape: [] });
  const tensor = tf.tensor1d([0]);
  onTestFinished(() => tensor.dispose());
  return gradientOf("step", createBatch({ t: column(times), loss: column(losses) }, infoAt({ step })), tensor);
}

/** The metrics of three bins over the times of two examples of a step, in the middles of the outer two. */
const [LEAST, LARGEST] = [logSnr(1), logSnr(EPS)];
const WIDTH = (LARGEST - LEAST) / 3;
const TIMES = [sde.timeOfLogSnr!(LEAST + WIDTH / 2), sde.timeOfLogSnr!(LARGEST - WIDTH / 2)];
const middle = (bin: number) => (LEAST + (bin + 0.5) * WIDTH).toFixed(2);

/** What two steps tell, with losses 2 and 3, then 4 and 5, at {@link TIMES}. */
async function told(weighting: "original" | "likelihood" | "importance" | "velocity") {
  const meter = new Meter();
  const steps = [gradientAt(0, TIMES, [2, 3]), gradientAt(1, TIMES, [4, 5])];
  const operator = lossByNoise<"step">(sde, { meter, bins: 3, every: 2, weighting, eps: EPS });
  expect(await lastValueFrom(from(steps).pipe(operator, toArray()))).toEqual(steps);
  return { meter, values: Object.fromEntries(meter.read().map(({ name, value }) => [name, value])) };
}

describe("lossByNoise", () => {
  it("tells the mean loss of each bin of log-SNR, of the steps since the last time, and leaves empty bins out", async () => {
    const before = tf.memory().numTensors;
    const { meter, values } = await told("original");
    expect(tf.memory().numTensors).toBe(before + 2);
    expect(values).toEqual({
      [`loss_by_noise/unweighted/${middle(0)}`]: 3,
      [`loss_by_noise/unweighted/${middle(2)}`]: 4,
      [`loss_by_noise/weighted/${middle(0)}`]: 3,
      [`loss_by_noise/weighted/${middle(2)}`]: 4,
    });
    const [unweighted] = meter.histograms();
    expect(unweighted).toMatchObject({ name: "loss_by_noise/unweighted", step: 2 });
    expect(unweighted!.counts.bucket).toEqual([0, 3, 0, 4]);
    unweighted!.counts.bucketLimit.forEach((limit, i) => expect(limit).toBeCloseTo(LEAST + i * WIDTH, 12));
  });

  it("takes the weight of the loss away, and gives it that of uniform times, however times were drawn", async () => {
    const g2 = TIMES.map((t) => sde.diffusion(t) ** 2 / sde.std(t) ** 2);
    const snr = TIMES.map((t) => Math.exp(-logSnr(t)));
    // The factor on the squared error in the loss that was computed.
    const factors = { likelihood: g2, importance: [1, 1], velocity: snr.map((inverse) => 1 + inverse) };
    for (const [weighting, factor] of Object.entries(factors)) {
      const { values } = await told(weighting as keyof typeof factors);
      for (const [i, bin, loss] of [
        [0, 0, 3],
        [1, 2, 4],
      ] as const) {
        const plain = values[`loss_by_noise/unweighted/${middle(bin)}`]!;
        expect(plain / (loss / factor[i]!), weighting).toBeCloseTo(1, 5);
        expect(values[`loss_by_noise/weighted/${middle(bin)}`]! / (plain * g2[i]!), weighting).toBeCloseTo(1, 5);
      }
    }
  });

  it("counts each interval for itself, and tells nothing between them", async () => {
    const meter = new Meter();
    const operator = lossByNoise<"step">(sde, { meter, bins: 3, every: 2, weighting: "original", eps: EPS });
    const seen: number[] = [];
    const steps = [8, 8, 2, 2, 7].map((loss, step) => gradientAt(step, [TIMES[0]!], [loss]));
    await lastValueFrom(
      from(steps).pipe(operator, (source) => {
        source.subscribe(() => seen.push(...meter.read().map(({ value }) => value)));
        return from([0]);
      }),
    );
    expect(seen).toEqual([8, 8, 2, 2]);
    expect(meter.histograms().map(({ step }) => step)).toEqual([2, 2, 4, 4]);
  });

  it("counts times beyond those drawn for the outer bins, and takes any SDE", async () => {
    const meter = new Meter();
    const other = subVpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
    const operator = lossByNoise<"step">(other, { meter, bins: 2, every: 1, weighting: "likelihood", eps: 1e-2 });
    await lastValueFrom(from([gradientAt(0, [1, 1e-2, 1e-5], [1, 1, 1])]).pipe(operator));
    const { counts } = meter.histograms()[0]!;
    expect(counts.bucket.map((mean) => mean > 0)).toEqual([false, true, true]);
  });

  it("reads 64 examples of a large batch at most, spread over it", async () => {
    const meter = new Meter();
    const operator = lossByNoise<"step">(sde, { meter, bins: 1, every: 1, weighting: "original", eps: EPS });
    const losses = Array.from({ length: 128 }, (_, i) => (i % 2 === 0 ? i : NaN));
    await lastValueFrom(from([gradientAt(0, losses.map(() => 0.5), losses)]).pipe(operator)); // prettier-ignore
    expect(meter.read()[0]!.value).toBe(63);
  });

  it("leaves a loss that is not finite to the optimizer, and errors as they are", async () => {
    const meter = new Meter();
    const operator = lossByNoise<"step">(sde, { meter, bins: 3, every: 1, weighting: "original", eps: EPS });
    const gradient = gradientAt(0, TIMES, [NaN, 1]);
    expect(await lastValueFrom(from([gradient]).pipe(operator))).toBe(gradient);
    expect(meter.histograms()).toEqual([]);
    await expect(lastValueFrom(throwError(() => new Error("boom")).pipe(operator))).rejects.toThrow("boom");
  });

  it("does nothing for no bins, and refuses what is no whole number", async () => {
    const meter = new Meter();
    const options = { meter, bins: 0, every: 1, weighting: "original", eps: EPS } as const;
    await lastValueFrom(from([gradientAt(0, TIMES, [1, 1])]).pipe(lossByNoise<"step">(sde, options)));
    expect(meter.read()).toEqual([]);
    expect(() => lossByNoise(sde, { ...options, bins: 1.5 })).toThrow("bins must be a whole number, got 1.5");
    expect(() => lossByNoise(sde, { ...options, bins: 1, every: 0 })).toThrow(
      "every must be a positive integer, got 0",
    );
  });
});
