import { describe, expect, it } from "vitest";
import { RunError } from "../../src/base/errors.ts";
import { stagePoint, STAGES, stageTime, type Derivative } from "../../src/solvers/dormand-prince.ts";
import { rk45 } from "../../src/solvers/rk45.ts";
import "../golden/allclose.ts";

const decay: Derivative = (_t, y, out) => {
  for (let i = 0; i < y.length; i++) out[i] = -y[i]!;
};
const oscillator: Derivative = (_t, y, out) => {
  out[0] = y[1]!;
  out[1] = -y[0]!;
};
const lotkaVolterra: Derivative = (_t, y, out) => {
  out[0] = 1.5 * y[0]! - y[0]! * y[1]!;
  out[1] = -3 * y[1]! + y[0]! * y[1]!;
};
const driven: Derivative = (t, y, out) => {
  out[0] = -y[0]! + Math.sin(5 * t);
};
const vanDerPol: Derivative = (_t, y, out) => {
  out[0] = y[1]!;
  out[1] = 20 * (1 - y[0]! ** 2) * y[1]! - y[0]!;
};

/** Fixed steps of the method of order 5. */
async function fixedSteps(f: Derivative, t1: number, y0: readonly number[], steps: number): Promise<Float64Array> {
  const slopes = Array.from({ length: STAGES }, () => new Float64Array(y0.length));
  let y = Float64Array.from(y0);
  const h = t1 / steps;
  for (let n = 0; n < steps; n++) {
    const next = new Float64Array(y.length);
    await f(n * h, y, slopes[0]!);
    for (let s = 1; s < STAGES; s++) {
      stagePoint(s, y, h, slopes, next);
      await f(stageTime(s, n * h, h), next, slopes[s]!);
    }
    y = next;
  }
  return y;
}

describe("Dormand-Prince", () => {
  it("converges with order 5", async () => {
    const errors: number[] = [];
    for (const steps of [10, 20, 40]) {
      const y = await fixedSteps(oscillator, 4, [1, 0], steps);
      errors.push(Math.hypot(y[0]! - Math.cos(4), y[1]! + Math.sin(4)));
    }
    for (const i of [0, 1]) expect(Math.log2(errors[i]! / errors[i + 1]!)).toBeCloseTo(5, 0.5);
  });
});

describe("rk45", () => {
  it.each([1e-4, 1e-7, 1e-10])(
    "solves an oscillator forwards and backwards within rtol = atol = %s",
    async (tolerance) => {
      const options = { rtol: tolerance, atol: tolerance };
      const forwards = await rk45(oscillator, 0, 7, Float64Array.of(1, 0), options);
      expect(forwards.y).toBeAllclose([Math.cos(7), -Math.sin(7)], { atol: 20 * tolerance });
      const back = await rk45(oscillator, 7, 0, forwards.y, options);
      expect(back.y).toBeAllclose([1, 0], { atol: 40 * tolerance });
    },
  );

  // Values and counts of scipy.integrate.solve_ivp(method="RK45"), scipy 1.17.1.
  it.each([
    ["Lotka-Volterra", lotkaVolterra, 0, 15, [10, 5], 1e-5, 1e-5, 800, 109, [0.7140383535753269, 0.0753880673482064]],
    ["a driven decay, backwards", driven, 2, -1, [1], 1e-7, 1e-9, 182, 26, [17.247135987246374]],
    ["van der Pol", vanDerPol, 0, 40, [2, 0], 1e-4, 1e-6, 3440, 514, [1.8078873961332766, -0.039810106802788056]],
  ] as const)("takes scipy's steps for %s", async (_, f, t0, t1, y0, rtol, atol, evaluations, steps, y) => {
    const seen: number[] = [];
    const onEvaluation = (n: number) => void seen.push(n);
    const result = await rk45(f, t0, t1, Float64Array.from(y0), { rtol, atol, onEvaluation });
    expect([result.evaluations, result.steps]).toEqual([evaluations, steps]);
    expect(seen).toEqual(Array.from({ length: evaluations }, (_, i) => i + 1));
    // The same steps; only the order of additions differs.
    expect(result.y).toBeAllclose(y, { rtol: 1e-9 });
  });

  it("leaves the initial state as it is and copies it where there is nothing to integrate", async () => {
    const y0 = Float64Array.of(1, 2);
    await rk45(decay, 0, 1, y0, { rtol: 1e-5, atol: 1e-5 });
    expect(y0).toEqual(Float64Array.of(1, 2));
    const none = await rk45(decay, 1, 1, y0, { rtol: 1e-5, atol: 1e-5 });
    expect(none).toEqual({ y: y0, evaluations: 0, steps: 0 });
    expect(none.y).not.toBe(y0);
  });

  it("never evaluates outside of the interval", async () => {
    const times: number[] = [];
    const slow: Derivative = (t, _y, out) => {
      times.push(t);
      out[0] = 1e-9;
    };
    await rk45(slow, 0, 1e-4, Float64Array.of(1), { rtol: 1e-3, atol: 1e-3 });
    expect(Math.max(...times)).toBeLessThanOrEqual(1e-4);
    expect(Math.min(...times)).toBe(0);
  });

  it("lets the event loop turn after every evaluation", async () => {
    let turns = 0;
    let running = true;
    const count = () => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const { evaluations } = await rk45(decay, 0, 1, Float64Array.of(1), { rtol: 1e-5, atol: 1e-5 });
    running = false;
    expect(turns).toBeGreaterThanOrEqual(evaluations - 1);
  });

  it("stops between evaluations when it is aborted", async () => {
    const controller = new AbortController();
    let evaluations = 0;
    const promise = rk45(decay, 0, 100, Float64Array.of(1), {
      rtol: 1e-5,
      atol: 1e-5,
      signal: controller.signal,
      onEvaluation: (n) => {
        evaluations = n;
        if (n === 9) controller.abort(new Error("enough"));
      },
    });
    await expect(promise).rejects.toThrow("enough");
    expect(evaluations).toBe(9);
  });

  it("fails when the derivative is not finite", async () => {
    const broken: Derivative = (t, _y, out) => {
      out[0] = t > 0.5 ? NaN : 1;
    };
    const promise = rk45(broken, 0, 1, Float64Array.of(0), { rtol: 1e-5, atol: 1e-5 });
    await expect(promise).rejects.toThrow(RunError);
    await expect(promise).rejects.toThrow(/not finite/);
  });

  it("fails when no step is small enough", async () => {
    // 1 / (1 - t): there is no solution beyond t = 1.
    const exploding: Derivative = (_t, y, out) => {
      out[0] = y[0]! ** 2;
    };
    const promise = rk45(exploding, 0, 2, Float64Array.of(1), { rtol: 1e-6, atol: 1e-6 });
    await expect(promise).rejects.toThrow(RunError);
    await expect(promise).rejects.toThrow(/the step at t = .* became smaller/);
  });

  it.each([
    [{ rtol: 0, atol: 1e-5 }, "rtol"],
    [{ rtol: NaN, atol: 1e-5 }, "rtol"],
    [{ rtol: 1e-5, atol: -1 }, "atol"],
  ])("refuses the tolerances %j", async (options, name) => {
    await expect(rk45(decay, 0, 1, Float64Array.of(1), options)).rejects.toThrow(name);
  });
});
