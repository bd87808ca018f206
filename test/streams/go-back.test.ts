import { concatMap, EMPTY, lastValueFrom, map, of, take, throwError, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, floats, type Batch, type BatchInfo } from "../../src/data/batch.ts";
import { NonFiniteLossError } from "../../src/base/errors.ts";
import { scoreNetwork } from "../../src/models/score-network.ts";
import { accumulate } from "../../src/streams/accumulate.ts";
import { adam, type StepRecord } from "../../src/streams/adam.ts";
import { trainBatches } from "../../src/streams/batches.ts";
import { withCredit } from "../../src/streams/credit.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { flip } from "../../src/streams/flip.ts";
import { goBack, LIMIT, type GoBackOptions } from "../../src/streams/go-back.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { TrainState, type Snapshot } from "../../src/training/train-state.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { imageExamples, linearModel, sde } from "./fixture.ts";

const examples = imageExamples(20, [2, 2, 1]);
type Told = Parameters<GoBackOptions["tell"]>[0];
type OnDivergence = GoBackOptions["onDivergence"];

const recordOf = (info: BatchInfo): StepRecord => {
  const row = { data: Float32Array.of(1), shape: [] };
  return createBatch({ loss: row, gradNorm: row, learningRate: row }, info);
};

/** Trains ten steps of two shards, of which some diverge so many times. */
async function train(diverges: Readonly<Record<number, number>>, onDivergence: OnDivergence = "back") {
  const state = { step: 0, goneBack: 0 };
  const told: Told[] = [];
  const seen: string[] = [];
  const take = ({ info: { step, shard, redraw = 0 } }: Batch<"image">) => {
    seen.push(`${step}.${shard}${redraw > 0 ? `r${redraw}` : ""}`);
    if (shard === 0) return EMPTY;
    if (redraw < (diverges[step] ?? 0)) return throwError(() => new NonFiniteLossError(step, NaN));
    state.step++;
    return of(recordOf({ step, shard, shards: 2, firstSample: 0, redraw }));
  };
  const run = withCredit(4, (credit) =>
    goBack(state, { onDivergence, credit, shards: 2, tell: (event) => told.push(event) }, (start) =>
      trainBatches(examples, "image", { batchSize: 4, shards: 2, seed: 1, to: 10, ...start }).pipe(
        // Those behind the step that diverges are on their way.
        concatMap(async (batch) => batch),
        concatMap(take),
      ),
    ).pipe(credit.refund(2)),
  );
  const ended = await lastValueFrom(run.pipe(toArray())).then(
    (records) => ({ steps: records.map(({ info }) => info.step), error: undefined }),
    (error: Error) => ({ steps: [], error }),
  );
  return { state, told, seen, ...ended };
}

describe("an attempt at the steps", () => {
  const options = { onDivergence: "back" as const, shards: 1, tell: () => {} };
  const state = () => ({ step: 0, goneBack: 0 });

  it("passes other errors on at once", async () => {
    let attempts = 0;
    const run = withCredit(1, (credit) =>
      goBack(state(), { ...options, credit }, () => {
        attempts++;
        return throwError(() => new Error("other"));
      }).pipe(credit.refund()),
    );
    await expect(lastValueFrom(run)).rejects.toThrow("other");
    expect(attempts).toBe(1);
  });

  it("may give back by the credit that it is lent", async () => {
    const run = withCredit(1, (credit) =>
      goBack(state(), { ...options, credit }, (start) =>
        trainBatches(examples, "image", { batchSize: 4, shards: 1, seed: 1, to: 4, ...start }).pipe(
          map(({ info }) => recordOf(info)),
          start.credit.refund(),
        ),
      ),
    );
    const records = await lastValueFrom(run.pipe(toArray()));
    expect(records.map(({ info }) => info.step)).toEqual([0, 1, 2, 3]);
  });
});

describe("a step that diverges", () => {
  it("is drawn anew until it does not, and counted with its step", async () => {
    const { steps, seen, state, told } = await train({ 2: 1, 3: LIMIT, 9: 2 });
    expect(steps).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(state).toEqual({ step: 10, goneBack: 8 });
    const draws = (step: number) => seen.filter((at) => at.startsWith(`${step}.1`));
    expect(draws(2)).toEqual(["2.1", "2.1r1"]);
    expect(draws(3)).toEqual(["3.1", "3.1r1", "3.1r2", "3.1r3", "3.1r4", "3.1r5"]);
    expect(draws(4)).toEqual(["4.1"]);
    expect(told.filter(({ type }) => type === "metric")).toEqual(
      [
        [3, 1],
        [4, 6],
        [10, 8],
      ].map(([step, value]) => ({ type: "metric", name: "train/gone_back", step, value, unit: "1" })),
    );
    expect(told[0]).toEqual({
      type: "message",
      text: "warning: step 2: the loss is NaN; the step is taken again with other random numbers (1 of 5)",
    });
  });

  it("does not starve the loop, however often", async () => {
    const often = Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((step) => [step, 4]));
    expect((await train(often)).steps).toHaveLength(10);
  });

  it("ends the training after five draws in a row, before it changes the count", async () => {
    const { error, state, seen } = await train({ 4: LIMIT + 1 });
    expect(error).toBeInstanceOf(NonFiniteLossError);
    expect(error!.message).toContain("also with 5 other draws of its random numbers; the state before this step was");
    expect(state).toEqual({ step: 4, goneBack: 0 });
    expect(seen.filter((at) => at.startsWith("4.1"))).toHaveLength(LIMIT + 1);
  });

  it("promises no saved state before the first step", async () => {
    const { error } = await train({ 0: 1 }, "stop");
    expect(error!.message).toMatch(/no step was taken that could be saved\n.*back, or start in another --workdir, and/);
  });

  it("ends the training at once where it is to stop, with the words how not to", async () => {
    const { error, seen } = await train({ 4: 1 }, "stop");
    expect(error!.message).toContain("--set training.onDivergence=back");
    expect(seen).not.toContain("4.1r1");
  });
});

const network = () => scoreNetwork(linearModel([2, 2, 1]), { reduceMean: true, compile: false });

describe("a training that goes back", () => {
  const options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, gradClip: 1, weightDecay: 0, compile: false };
  const rates = { lr: 0.05, warmup: 0, schedule: "constant" as const, finalLr: 0, decaySteps: 1 };

  /** Trains to a step; the losses, and the state at the end. */
  async function losses(from: Snapshot | undefined, to: number, largestLoss?: number, steps = Infinity) {
    const net = network();
    const state = from ? new TrainState(net.layout, from) : TrainState.initial(net.layout, 1);
    const seed = { seed: 1 };
    const run = withCredit(2, (credit) =>
      goBack(state, { onDivergence: "back", credit, shards: 1, tell: () => {} }, (start) =>
        trainBatches(examples, "image", { batchSize: 4, shards: 1, ...seed, to, ...start })
          .pipe(
            flip<"image">(seed),
            dequantize<"image">("uniform", { ...seed, centered: true }),
            sampleTime<"data">(sde, { eps: 1e-3, density: "uniform", ...seed }),
            perturb<"data" | "t">(sde, seed),
          )
          .pipe(
            scoreMatching(net, sde, state, { weighting: "original", ...seed }),
            accumulate(1),
            adam(state, { ...options, ...rates, largestLoss }),
          ),
      ).pipe(credit.refund()),
    );
    const values = await lastValueFrom(
      run.pipe(
        map((row) => floats(row, "loss").data[0]!),
        take(steps),
        toArray(),
      ),
    );
    const snapshot = state.snapshot();
    state.dispose();
    net.dispose();
    return { values, snapshot };
  }

  it("comes to the same bits when it stops after any step and goes on", async () => {
    await expectNoLeak(async () => {
      const free = await losses(undefined, 12);
      const limit = free.values.toSorted((a, b) => b - a)[3]!;
      const whole = await losses(undefined, 12, limit);
      expect(whole.values).toHaveLength(12);
      expect(Math.max(...whole.values)).toBeLessThanOrEqual(limit);
      expect(whole.snapshot.goneBack).toBeGreaterThanOrEqual(3);
      expect(whole.snapshot.parameters).not.toEqual(free.snapshot.parameters);
      for (let at = 1; at < 12; at++) {
        const first = await losses(undefined, 12, limit, at);
        const second = await losses(first.snapshot, 12, limit);
        expect([...first.values, ...second.values]).toEqual(whole.values);
        expect(second.snapshot).toEqual(whole.snapshot);
      }
    });
  });
});
