import { setTimeout } from "node:timers/promises";
import { from, lastValueFrom, map, of, Subject, take, tap, throwError, toArray } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBatch, floats, type Batch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { scoreNetwork, type ScoreNetwork } from "../../src/models/score-network.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { drawTime, type TimeDensity } from "../../src/sde/draw-time.ts";
import { predicting } from "../../src/sde/prediction.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { velocityTimes } from "../../src/sde/velocity-times.ts";
import { veSDE } from "../../src/sde/ve.ts";
import type { Gradient } from "../../src/streams/gradient.ts";
import { scoreMatchingLoss } from "../../src/streams/score-matching-loss.ts";
import { densityOf, lossInputs, scoreMatching, type Weighting } from "../../src/streams/score-matching.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { infoAt, linearModel, perturbedBatch, sde } from "./fixture.ts";

const ve = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });
const shape = [2, 2, 1];
type Perturbed = Batch<"t" | "noise" | "perturbed">;
const batch = (over = {}): Perturbed => perturbedBatch(3, shape, over);

let network: ScoreNetwork;
let state: TrainState;
beforeAll(() => {
  network = scoreNetwork(linearModel(), { reduceMean: false, compile: true });
  state = TrainState.initial(network.layout, 1);
});
afterAll(() => {
  network.dispose();
  state.dispose();
});

/** Loss and gradient of s(x) = -(w x + b) / sigma in float64: half the sum of (sigma s + z)^2, times the weight. */
function closedForm(weighting: Weighting, [b, w]: readonly [number, number], input: Perturbed) {
  const [x, z, t] = (["perturbed", "noise", "t"] as const).map((name) => floats(input, name).data);
  const losses = [0, 0, 0];
  const gradient = [0, 0];
  x!.forEach((value, i) => {
    const time = t![Math.floor(i / 4)]!;
    const weight = weighting === "likelihood" ? (sde.diffusion(time) / sde.std(time)) ** 2 : 1;
    const difference = z![i]! - (w * value + b);
    losses[Math.floor(i / 4)]! += 0.5 * weight * difference ** 2;
    gradient[0]! -= (weight * difference) / 3;
    gradient[1]! -= (weight * difference * value) / 3;
  });
  return { losses, gradient };
}

/** b and w, each at the start of its slot. */
const pick = (flat: Float32Array) => network.layout.slots.map((slot) => flat[slot.offset]!) as [number, number];

describe("scoreMatching", () => {
  it.each(["original", "likelihood", "importance"] as const)(
    "gives loss and gradient: %s weighting",
    async (weighting) => {
      await expectNoLeak(async () => {
        const input = batch({ step: 5 });
        const steps = of(input).pipe(
          scoreMatching(network, sde, state, { weighting, seed: 1 }),
          map((gradient) => ({ batch: gradient.batch, arrow: gradient.toArrow() })),
        );
        const { batch: losses, arrow } = await lastValueFrom(steps);
        const expected = closedForm(weighting, pick(state.snapshot().parameters), input);
        expect(largestError(floats(losses, "loss").data, expected.losses)).toBeLessThan(1e-5);
        expect(floats(losses, "t")).toEqual(floats(input, "t"));
        expect(losses.info).toEqual(infoAt({ step: 5 }));
        expect(largestError(pick(floats(arrow, "gradient").data), expected.gradient)).toBeLessThan(1e-5);
        expect(floats(arrow, "gradient").shape).toEqual([network.layout.length]);
      });
    },
  );

  it("frees the gradient when the stages behind it are done with it", async () => {
    const seen: Gradient[] = [];
    const source = of(batch({ step: 0 }), batch({ step: 1 }));
    await expectNoLeak(async () => {
      const steps = source.pipe(
        scoreMatching(network, sde, state, { weighting: "original", seed: 1 }),
        map((gradient) => {
          expect(seen.every(({ values }) => values.isDisposed)).toBe(true);
          seen.push(gradient);
          return gradient.values.isDisposed;
        }),
        toArray(),
      );
      expect(await lastValueFrom(steps)).toEqual([false, false]);
    });
  });

  it("leaks nothing on unsubscription in mid-step, on an error before it and on one behind it", async () => {
    const run = () => scoreMatching(network, sde, state, { weighting: "original", seed: 1 });
    await expectNoLeak(async () => {
      await lastValueFrom(of(batch(), batch(), batch()).pipe(run(), take(1)));
      await expect(lastValueFrom(throwError(() => new Error("before")).pipe(run()))).rejects.toThrow("before");
      const behind = of(batch()).pipe(
        run(),
        map(() => {
          throw new Error("behind");
        }),
      );
      await expect(lastValueFrom(behind)).rejects.toThrow("behind");
    });
  });

  it("notifies an error of the network and leaves the producer", async () => {
    const source = new Subject<Perturbed>();
    const wrong = createBatch({ ...columns(), noise: { data: new Float32Array(3), shape: [1] } }, infoAt());
    await expectNoLeak(async () => {
      const failed = lastValueFrom(source.pipe(scoreMatching(network, sde, state, { weighting: "original", seed: 1 })));
      source.next(wrong);
      await expect(failed).rejects.toThrow(/shape/);
    });
    expect(source.observed).toBe(false);
  });

  it("works on one batch at a time, in order, while JavaScript goes on", async () => {
    const events: string[] = [];
    const steps = of(batch({ step: 0 }), batch({ step: 1 })).pipe(
      tap((batch) => events.push(`in ${batch.info.step}`)),
      scoreMatching(network, sde, state, { weighting: "original", seed: 1 }),
      tap(({ batch }) => events.push(`out ${batch.info.step}`)),
    );
    const done = lastValueFrom(steps);
    events.push("subscribed");
    await done;
    expect(events).toEqual(["in 0", "in 1", "subscribed", "out 0", "out 1"]);
  });

  it("frees what comes after unsubscription, and leaves its producer", async () => {
    const source = new Subject<Perturbed>();
    await expectNoLeak(async () => {
      const seen: Gradient[] = [];
      const run = scoreMatching(network, sde, state, { weighting: "original", seed: 1 });
      const subscription = source.pipe(run).subscribe((gradient) => seen.push(gradient));
      source.next(batch());
      subscription.unsubscribe();
      expect(source.observed).toBe(false);
      // The same function again: it answers after what was under way.
      const { gradient } = await network.lossAndGradient(
        state.parameters,
        lossInputs(batch(), sde, "original"),
        [1, 2],
      );
      gradient.dispose();
      await setTimeout(20);
      expect(seen).toEqual([]);
    });
  });

  it("drops the steps that have not begun once it is told to stop, and ends the one that has", async () => {
    await expectNoLeak(async () => {
      const stop = new AbortController();
      const run = scoreMatching(network, sde, state, { weighting: "original", seed: 1, signal: stop.signal });
      const places = [0, 1, 2].flatMap((step) => [0, 1].map((shard) => ({ step, shard, shards: 2 })));
      const done = await lastValueFrom(
        from(places.map(batch)).pipe(
          run,
          tap(({ batch: { info } }) => info.step === 1 && info.shard === 0 && stop.abort()),
          map(({ batch: { info } }) => [info.step, info.shard]),
          toArray(),
        ),
      );
      expect(done).toEqual([[0, 0], [0, 1], [1, 0], [1, 1]]); // prettier-ignore
    });
  });

  it("refuses importance weighting for an SDE that has none", () => {
    const options = { weighting: "importance", seed: 1 } as const;
    expect(() => scoreMatching(network, ve, state, options)).toThrow(
      /scoreMatching: the ve SDE has no importance weight/,
    );
    expect(() => scoreMatchingLoss(network, ve, state, options)).toThrow(/scoreMatchingLoss: the ve SDE has no/);
  });

  function columns() {
    const input = batch();
    return { t: floats(input, "t"), perturbed: floats(input, "perturbed"), noise: floats(input, "noise") };
  }
});

describe("lossInputs", () => {
  it("gives a network that predicts noise the factor -1, and one that gives the score sigma", () => {
    const t = floats(batch(), "t").data;
    expect(largestError(lossInputs(batch(), sde, "original").outputScale, [-1, -1, -1])).toBeLessThan(1e-6);
    expect(lossInputs(batch(), ve, "original").outputScale).toEqual(t.map((time) => ve.std(time)));
  });

  it("weights by g^2 / sigma^2 for the likelihood, which the VE SDE has as a constant", () => {
    const expected = 2 * Math.log(50 / 0.01);
    const { weight } = lossInputs(batch(), ve, "likelihood");
    expect(largestError(weight, [expected, expected, expected])).toBeLessThan(1e-6);
  });
});

describe("lossInputs of a network that predicts the velocity", () => {
  const subVP = subVpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
  it.each([sde, subVP, ve])("is the squared error of the velocity under $name, by times drawn for it", (process) => {
    const input = batch();
    const { noise, outputScale, weight } = lossInputs(input, predicting(process, "velocity"), "velocity");
    const [x, z, t] = (["perturbed", "noise", "t"] as const).map((name) => floats(input, name).data);
    const out = 0.3;
    x!.forEach((value, i) => {
      const b = Math.floor(i / 4);
      const [alpha, sigma] = [process.meanCoeff(t![b]!), process.std(t![b]!)];
      const velocity = (alpha * z![i]! - (sigma * (value - sigma * z![i]!)) / alpha) / Math.hypot(alpha, sigma);
      const loss = weight[b]! * (outputScale[b]! * out + noise[i]!) ** 2;
      // x(0) is had back from x(t), which costs digits where alpha is small.
      expect(Math.abs(loss / (out - velocity) ** 2 - 1)).toBeLessThan(1e-3);
    });
  });

  it.each([sde, subVP])("has the loss of the likelihood in expectation over the times under $name", (process) => {
    const eps = 1e-3;
    const n = 4000;
    // As the error of a predicted velocity, it falls with alpha^2.
    const square = (t: number) => process.meanCoeff(t) ** 2 * (1 + Math.cos(5 * t));
    const mean = (density: TimeDensity, weighting: Weighting, Z: number) => {
      const time = drawTime("test", process, { eps, density });
      const t = Float32Array.from({ length: n }, (_, i) => time((i + 0.5) / n));
      const column = { data: new Float32Array(n), shape: [1, 1, 1] };
      const columns = { t: { data: t, shape: [] }, noise: column, perturbed: column };
      const { weight } = lossInputs(createBatch(columns, infoAt()), process, weighting);
      return (Z * weight.reduce((sum, w, i) => sum + w * square(t[i]!), 0)) / n;
    };
    const exact = mean("likelihood", "importance", process.importance!.cumulative(process.T, eps));
    const matched = mean("velocity", "velocity", velocityTimes(process).cumulative(process.T, eps));
    expect(matched / exact).toBeCloseTo(1, 2);
    expect(mean("uniform", "likelihood", process.T - eps) / exact).toBeCloseTo(1, 1);
  });

  it("goes by the density that its weighting is for", () => {
    const weightings = ["original", "likelihood", "importance", "velocity"] as const;
    expect(weightings.map(densityOf)).toEqual(["uniform", "uniform", "likelihood", "velocity"]);
  });
});

describe("scoreMatchingLoss", () => {
  it("gives the losses under the averaged parameters", async () => {
    await expectNoLeak(async () => {
      const other = TrainState.initial(network.layout, 1);
      const average = Float32Array.from({ length: network.layout.length }, () => 0.25);
      other.setEma(tf.tensor1d(average));
      const out = await lastValueFrom(
        of(batch()).pipe(scoreMatchingLoss(network, sde, other, { weighting: "likelihood" })),
      );
      const expected = closedForm("likelihood", [0.25, 0.25], batch()).losses;
      expect(largestError(floats(out, "loss").data, expected)).toBeLessThan(1e-5);
      other.dispose();
    });
  });

  it("keeps the order and passes errors and unsubscription on", async () => {
    const operator = scoreMatchingLoss(network, sde, state, { weighting: "original" });
    const rows = await lastValueFrom(of(batch({ step: 0 }), batch({ step: 1 })).pipe(operator, toArray()));
    expect(rows.map(({ info }) => info.step)).toEqual([0, 1]);
    await expect(lastValueFrom(throwError(() => new Error("source")).pipe(operator))).rejects.toThrow("source");
    const source = new Subject<Perturbed>();
    source.pipe(operator).subscribe().unsubscribe();
    expect(source.observed).toBe(false);
  });
});
