import { describe, expect, it } from "vitest";
import { RunError } from "../../src/base/errors.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import { odeSample } from "../../src/sampling/ode-sampler.ts";
import type { BatchDerivative } from "../../src/solvers/batch-derivative.ts";
import { callSize, rk45Batch } from "../../src/solvers/rk45-batch.ts";
import { rk45 } from "../../src/solvers/rk45.ts";
import "../golden/allclose.ts";
import { draws, gaussian, normal, SDES } from "../likelihood/gaussian.ts";

/** Oscillators of the frequencies 1, 2, 3 ...: y'' = -w^2 y, the state (y, y'). */
const oscillators: BatchDerivative = (examples, _t, y, out) => {
  examples.forEach((b, k) => {
    out[2 * k] = y[2 * k + 1]!;
    out[2 * k + 1] = -((b + 1) ** 2) * y[2 * k]!;
  });
};
const exact = (batch: number, t: number) =>
  Array.from({ length: batch }, (_, b) => [Math.cos((b + 1) * t), -(b + 1) * Math.sin((b + 1) * t)]).flat();
const initial = (batch: number) => Float64Array.from(exact(batch, 0));
const image = { rtol: 1e-6, atol: 1e-6, stepControl: "image" } as const;

describe("callSize", () => {
  it("takes few sizes, each large enough", () => {
    const sizes = Array.from({ length: 16 }, (_, i) => callSize(i + 1, 16));
    expect(new Set(sizes)).toEqual(new Set([1, 2, 4, 8, 16]));
    expect(sizes.every((size, i) => size >= i + 1)).toBe(true);
    expect([1, 2, 3, 4, 5, 6, 7].map((n) => callSize(n, 7))).toEqual([1, 2, 4, 4, 7, 7, 7]);
  });
});

describe("rk45Batch", () => {
  it.each([1e-4, 1e-7, 1e-10])("solves oscillators each with steps of its own, within %s", async (tolerance) => {
    const options = { rtol: tolerance, atol: tolerance, stepControl: "image" } as const;
    const forwards = await rk45Batch(oscillators, 0, 7, initial(5), 5, options);
    expect(forwards.y).toBeAllclose(exact(5, 7), { atol: 500 * tolerance });
    const back = await rk45Batch(oscillators, 7, 0, forwards.y, 5, options);
    expect(back.y).toBeAllclose(exact(5, 0), { atol: 1000 * tolerance });
    expect([...forwards.perExample]).toEqual([...forwards.perExample].sort((a, b) => a - b));
    expect(forwards.perExample[4]).toBeGreaterThan(2 * forwards.perExample[0]!);
    expect(forwards.evaluations).toBe(forwards.perExample[4]);
  });

  it("converges with order 5 in the number of evaluations", async () => {
    const points = [];
    for (const tolerance of [1e-5, 1e-8, 1e-11]) {
      const { y, perExample } = await rk45Batch(oscillators, 0, 20, initial(1), 1, {
        ...{ rtol: tolerance, atol: tolerance, stepControl: "image" },
      });
      const [c, s] = exact(1, 20) as [number, number];
      points.push({ error: Math.log(Math.hypot(y[0]! - c, y[1]! - s)), work: Math.log(perExample[0]!) });
    }
    for (const i of [0, 1]) {
      const [a, b] = [points[i]!, points[i + 1]!];
      const order = (a.error - b.error) / (b.work - a.work);
      expect(order).toBeGreaterThan(4.5);
      expect(order).toBeLessThan(5.5);
    }
  });

  it("gives each example, to the bit, what it gets alone", async () => {
    const { y, perExample } = await rk45Batch(oscillators, 0, 3, initial(6), 6, image);
    for (let b = 0; b < 6; b++) {
      const alone = await rk45(
        (t, state, out) => oscillators(Int32Array.of(b), Float64Array.of(t), state, out),
        ...([0, 3, initial(6).subarray(2 * b, 2 * b + 2), { rtol: 1e-6, atol: 1e-6 }] as const),
      );
      expect(y.subarray(2 * b, 2 * b + 2), `example ${b}`).toEqual(alone.y);
      expect(perExample[b]).toBe(alone.evaluations);
    }
  });

  it("takes with step control batch the steps of one system", async () => {
    const together = await rk45Batch(oscillators, 0, 3, initial(6), 6, { rtol: 1e-6, atol: 1e-6 });
    const all = Int32Array.from({ length: 6 }, (_, b) => b);
    const system = await rk45(
      (t, state, out) => oscillators(all, new Float64Array(6).fill(t), state, out),
      ...([0, 3, initial(6), { rtol: 1e-6, atol: 1e-6 }] as const),
    );
    expect(together.y).toEqual(system.y);
    expect([...together.perExample]).toEqual(new Array(6).fill(system.evaluations));
    expect(together.evaluations).toBe(system.evaluations);
  });

  it("calls with ever fewer examples, in few sizes", async () => {
    const lengths: number[] = [];
    const seen = new Int32Array(8);
    await rk45Batch(
      (examples, t, y, out) => {
        expect([t.length, y.length, out.length]).toEqual([examples.length, 2 * examples.length, 2 * examples.length]);
        lengths.push(examples.length);
        for (const b of new Set(examples)) seen[b]!++;
        // What fills a call up is the last example again.
        for (let k = new Set(examples).size; k < examples.length; k++) {
          const at = k - 1;
          expect([examples[k], t[k], ...y.subarray(2 * k, 2 * k + 2)]).toEqual([examples[at], t[at], ...y.subarray(2 * at, 2 * k)]); // prettier-ignore
        }
        return oscillators(examples, t, y, out);
      },
      ...([0, 3, initial(8), 8, image] as const),
    );
    expect(lengths).toEqual([...lengths].sort((a, b) => b - a));
    expect(new Set(lengths)).toEqual(new Set([8, 4, 2, 1]));
    expect([...seen]).toEqual([...(await rk45Batch(oscillators, 0, 3, initial(8), 8, image)).perExample]);
  });

  it("gives the initial states where there is nothing to integrate", async () => {
    const none = await rk45Batch(oscillators, 1, 1, initial(3), 3, image);
    expect(none).toEqual({ y: initial(3), perExample: new Int32Array(3), evaluations: 0 });
    const empty = await rk45Batch(oscillators, 0, 1, new Float64Array(0), 1, { rtol: 1e-6, atol: 1e-6 });
    expect(empty).toEqual({ y: new Float64Array(0), perExample: new Int32Array(1), evaluations: 0 });
  });

  it("stops between two calls when it is aborted", async () => {
    const stop = new AbortController();
    let last = 0;
    const onEvaluation = (n: number) => {
      last = n;
      if (n === 9) stop.abort(new Error("enough"));
    };
    const promise = rk45Batch(oscillators, 0, 50, initial(3), 3, { ...image, onEvaluation, signal: stop.signal });
    await expect(promise).rejects.toThrow("enough");
    expect(last).toBe(9);
  });

  it("fails when the derivative of one is not finite, and refuses tolerances", async () => {
    const broken: BatchDerivative = (examples, t, _y, out) => {
      examples.forEach((b, k) => out.fill(b === 1 && t[k]! > 0.5 ? NaN : 1, 2 * k, 2 * k + 2));
    };
    await expect(rk45Batch(broken, 0, 1, initial(3), 3, image)).rejects.toThrow(RunError);
    const tight = { ...image, rtol: 0 };
    await expect(rk45Batch(oscillators, 0, 1, initial(3), 3, tight)).rejects.toThrow(/rtol must be at least 1e-13/);
  });
});

describe.each(SDES)("step control image under %s", (_, sde, eps) => {
  const DIMS = 3;
  const score = gaussianScore(gaussian, sde);
  const data = draws(7, 1);
  // Far from the data, where the flow is steep.
  data.set([40, -30, 20], 4 * DIMS);
  const probe = Float32Array.from(normal(data.length, 2), Math.sign);
  const options = { eps, rtol: 1e-7, atol: 1e-7, stepControl: "image" } as const;

  it("gives a likelihood, to the bit, that does not depend on the others of the batch", async () => {
    const together = await odeLikelihood(score, sde, data, { ...options, probe });
    expect(new Set(together.perExample).size).toBeGreaterThan(1);
    for (const [first, last] of [
      [0, 1],
      [4, 5],
      [2, 6],
    ] as const) {
      // prettier-ignore
      const part = (values: Float32Array) => values.slice(first * DIMS, last * DIMS);
      const alone = await odeLikelihood(score, sde, part(data), { ...options, probe: part(probe) });
      expect(alone.logp).toEqual(together.logp.slice(first, last));
      expect(alone.latent).toEqual(part(together.latent));
      expect(alone.perExample).toEqual(together.perExample.slice(first, last));
    }
    const shared = await odeLikelihood(score, sde, data, { ...options, probe, stepControl: "batch" });
    expect(shared.logp).toBeAllclose(together.logp, { rtol: 1e-5, atol: 1e-3 });
  });

  it("gives samples that do not depend on the others of the batch", async () => {
    const latent = normal(5 * DIMS, 3).map((z) => z * sde.priorStd);
    const { samples } = await odeSample(score, sde, latent, { ...options, denoise: true });
    const alone = await odeSample(score, sde, latent.slice(2 * DIMS, 3 * DIMS), { ...options, denoise: true });
    expect(alone.samples).toEqual(samples.slice(2 * DIMS, 3 * DIMS));
  });
});
