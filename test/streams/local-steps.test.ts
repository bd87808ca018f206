import type { Tensor1D } from "@tensorflow/tfjs";
import { bufferCount, concatMap, firstValueFrom, lastValueFrom, map, pipe, Subject, timer, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { NonFiniteLossError } from "../../src/base/errors.ts";
import { createBatch, floats, type Batch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { trainBatches } from "../../src/streams/batches.ts";
import { credit } from "../../src/streams/credit.ts";
import { examplesOf } from "../../src/data/examples.ts";
import { localSteps } from "../../src/streams/local-steps.ts";
import { LocalGroup } from "../../src/training/local-group.ts";
import type { Group, ShardGradient, Turn } from "../../src/training/peers.ts";
import type { Moments, Replica } from "../../src/training/replica.ts";
import { TrainState, type Snapshot } from "../../src/training/train-state.ts";
import { expectNoLeak } from "../support/tensors.ts";

const layout = layoutOf([{ name: "p", shape: [1], init: { kind: "ones" } }]);
const [EVERY, REPLICAS] = [3, 2];
const options = { batchSize: REPLICAS, shards: REPLICAS, seed: 5 };
const values = Float32Array.from({ length: 8 }, (_, i) => i / 8);
const examples = examplesOf(values, []);
const outer = { learningRate: 0.7, momentum: 0.9 };

/** p' = p - 0.1 (p - x), m' = m / 2 + x, v' = v / 4 + 1: after a wait, as a network has it. */
const steps = (replica: Replica, onStep: (step: number) => void) =>
  pipe(
    concatMap((batch: Batch<"data">) => timer(0).pipe(map(() => batch))),
    map((batch) => {
      onStep(batch.info.step);
      const x = floats(batch, "data").data[0]!;
      const { parameters, m, v } = replica.adam;
      replica.advance(
        tf.tidy(() => ({
          parameters: tf.sub<Tensor1D>(parameters, tf.mul(tf.sub(parameters, x), 0.1)),
          m: tf.add<Tensor1D>(tf.div(m, 2), x),
          v: tf.add<Tensor1D>(tf.div(v, 4), 1),
        })),
      );
      const row = (value: number) => ({ data: Float32Array.of(value), shape: [] });
      return createBatch({ loss: row(x), gradNorm: row(batch.info.step), learningRate: row(0) }, batch.info);
    }),
  );

interface RunOptions {
  readonly moments?: Moments;
  /** Rounds. */
  readonly to: number;
  readonly stop?: AbortController;
  readonly onStep?: (step: number) => void;
}

async function run(state: TrainState, { moments = "averaged", to, stop, onStep = () => {} }: RunOptions) {
  const peers = new LocalGroup({
    replicas: REPLICAS,
    every: EVERY,
    from: state.step / EVERY,
    to,
    signal: stop?.signal,
  });
  const pace = credit(2);
  const batches = { ...options, from: state.step, to: to * EVERY, peers, pace };
  const local = { state, shards: REPLICAS, outer, moments, learningRate: (step: number) => step };
  const stream = trainBatches(examples, "data", batches).pipe(
    localSteps(peers, local, (replica) => pipe(steps(replica, onStep), pace.refund(1))),
    map((record) => {
      const value = (name: "loss" | "gradNorm" | "learningRate") => floats(record, name).data[0];
      return { step: record.info.step, loss: value("loss"), norm: value("gradNorm"), rate: value("learningRate") };
    }),
    toArray(),
  );
  return lastValueFrom(stream);
}

/** The example of each step and replica. */
async function drawn(rounds: number) {
  const batches = trainBatches(examples, "data", { ...options, from: 0, to: rounds * EVERY });
  const rows = await lastValueFrom(batches.pipe(toArray()));
  return (step: number, replica: number) => floats(rows[step * REPLICAS + replica]!, "data").data[0]!;
}

const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** The same in plain numbers. */
async function expected(rounds: number, moments: Moments): Promise<Omit<Snapshot, "ema">> {
  const xOf = await drawn(rounds);
  let [p, m, v, b] = [1, 0, 0, 0];
  const kept: (readonly [number, number])[] = Array.from({ length: REPLICAS }, () => [0, 0] as const);
  for (let round = 0; round < rounds; round++) {
    const ends = Array.from({ length: REPLICAS }, (_, replica) => {
      let q = p;
      let [first, square]: readonly [number, number] = {
        averaged: [m, v] as const,
        restarted: [0, 0] as const,
        carried: kept[replica]!,
      }[moments];
      for (let step = round * EVERY; step < (round + 1) * EVERY; step++) {
        q -= 0.1 * (q - xOf(step, replica));
        [first, square] = [first / 2 + xOf(step, replica), square / 4 + 1];
      }
      kept[replica] = [first, square];
      return [p - q, first, square] as const;
    });
    const change = mean(ends.map(([d]) => d));
    b = 0.9 * b + change;
    p -= 0.7 * (change + 0.9 * b);
    if (moments === "averaged") [m, v] = [mean(ends.map((end) => end[1])), mean(ends.map((end) => end[2]))];
  }
  const row = (value: number) => Float32Array.of(value);
  return { step: rounds * EVERY, parameters: row(p), m: row(m), v: row(v), outer: row(b) };
}

/** A group that takes a round back at `reconsider`, once that is told. */
function groupThatMayTakeBack() {
  const added: Turn[] = [];
  let apply: unknown;
  const told = { takenBack: false };
  let owed = true;
  const peers = {
    ...{ alone: false, shards: REPLICAS, rounds: EVERY, applied: 0 },
    owes: () => owed,
    reconsider: () => void (owed &&= !told.takenBack),
    add: ({ step, shard }: ShardGradient) => void added.push({ step, shard }),
    onSum: (listener: unknown) => ((apply = listener), () => (apply = undefined)),
  } as unknown as Group;
  return { peers, added, told, isHeard: () => apply !== undefined };
}

describe("localSteps", () => {
  const local = { shards: REPLICAS, outer, moments: "averaged" as const, learningRate: () => 0 };
  const batchAt = (step: number) =>
    createBatch(
      { data: { data: Float32Array.of(1), shape: [] } },
      { step, shard: 1, shards: REPLICAS, firstSample: 0 },
    );

  it.each([false, true])(
    "gives a round to the group at its end, unless it was taken back meanwhile: %s",
    async (back) => {
      await expectNoLeak(async () => {
        const state = TrainState.initial(layout, 1);
        const group = groupThatMayTakeBack();
        const source = new Subject<Batch<"data">>();
        const ended = new Subject<number>();
        const onStep = (step: number) => setImmediate(() => ended.next(step));
        const subscription = source
          .pipe(localSteps(group.peers, { ...local, state }, (replica) => steps(replica, onStep)))
          .subscribe();
        for (let step = 0; step < EVERY; step++) {
          const over = firstValueFrom(ended);
          group.told.takenBack = back && step === 1;
          source.next(batchAt(step));
          await over;
        }
        expect(group.added).toEqual(back ? [] : [{ step: 0, shard: 1 }]);
        subscription.unsubscribe();
        state.dispose();
      });
    },
  );

  it("counts replicas, not shards, where a replica has several", async () => {
    const state = TrainState.initial(layout, 1);
    const group = groupThatMayTakeBack();
    const asked: Turn[] = [];
    const owes = (turn: Turn) => (asked.push(turn), true);
    const peers = Object.assign(group.peers, { owes, rounds: 1 });
    const source = new Subject<Batch<"data">>();
    const ended = new Subject<number>();
    const onStep = (step: number) => setImmediate(() => ended.next(step));
    const both = (replica: Replica) =>
      pipe(
        bufferCount<Batch<"data">>(2),
        map(([first]) => first!),
        steps(replica, onStep),
      );
    const subscription = source.pipe(localSteps(peers, { ...local, shards: 2 * REPLICAS, state }, both)).subscribe();
    const over = firstValueFrom(ended);
    for (const shard of [2, 3]) {
      source.next(createBatch({ data: { data: Float32Array.of(1), shape: [] } }, { ...batchAt(0).info, shard }));
    }
    await over;
    expect(asked[0]).toEqual({ step: 0, shard: 1 });
    expect(group.added).toEqual([{ step: 0, shard: 1 }]);
    subscription.unsubscribe();
    state.dispose();
  });

  it("leaves the group and its source, and takes no further step, once unsubscribed", async () => {
    await expectNoLeak(async () => {
      const state = TrainState.initial(layout, 1);
      const group = groupThatMayTakeBack();
      const source = new Subject<Batch<"data">>();
      const begun: number[] = [];
      const subscription = source
        .pipe(localSteps(group.peers, { ...local, state }, (replica) => steps(replica, (step) => begun.push(step))))
        .subscribe();
      source.next(batchAt(0));
      expect([group.isHeard(), source.observed]).toEqual([true, true]);
      subscription.unsubscribe();
      expect([group.isHeard(), source.observed]).toEqual([false, false]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(begun).toEqual([]);
      state.dispose();
    });
  });

  it.each(["averaged", "restarted", "carried"] as const)("is DiLoCo with moments %s", async (moments) => {
    await expectNoLeak(async () => {
      const state = TrainState.initial(layout, 1);
      await run(state, { moments, to: 3 });
      const [found, wanted] = [state.snapshot(), await expected(3, moments)];
      expect(found.step).toBe(9);
      for (const name of ["parameters", "m", "v", "outer"] as const) {
        expect(found[name]![0], name).toBeCloseTo(wanted[name]![0]!, 5);
      }
      state.dispose();
    });
  });

  it("tells one record a round: means over its steps and replicas, at its last step", async () => {
    const state = TrainState.initial(layout, 1);
    const records = await run(state, { to: 2 });
    const xOf = await drawn(2);
    const losses = [0, 1, 2].flatMap((step) => [xOf(step, 0), xOf(step, 1)]);
    expect(records.map(({ step, norm, rate }) => [step, norm, rate])).toEqual([
      [2, 1, 2],
      [5, 4, 5],
    ]);
    expect(records[0]!.loss).toBeCloseTo(mean(losses), 6);
    state.dispose();
  });

  it("goes on after a stop in the middle of a round to the state of never stopping, bit for bit", async () => {
    await expectNoLeak(async () => {
      const whole = TrainState.initial(layout, 1);
      await run(whole, { to: 4 });
      const stopped = TrainState.initial(layout, 1);
      const stop = new AbortController();
      await run(stopped, { to: 4, stop, onStep: (step) => step === 7 && stop.abort() });
      expect(stopped.step).toBe(6);
      const resumed = new TrainState(layout, stopped.snapshot());
      await run(resumed, { to: 4 });
      expect(resumed.snapshot()).toEqual(whole.snapshot());
      for (const state of [whole, stopped, resumed]) state.dispose();
    });
  });

  it("leaves the state at the round's start when a step fails, and frees what it has", async () => {
    await expectNoLeak(async () => {
      const state = TrainState.initial(layout, 1);
      const onStep = (step: number) => {
        if (step === 4) throw new NonFiniteLossError(step, Infinity);
      };
      await expect(run(state, { to: 4, onStep })).rejects.toThrow("step 4: the loss is Infinity");
      expect(state.step).toBe(3);
      state.dispose();
    });
  });

  it("refuses shards that the replicas cannot share evenly", () => {
    const state = TrainState.initial(layout, 1);
    const peers = new LocalGroup({ replicas: 2, every: 3, from: 0, to: 1 });
    const local = { state, shards: 3, outer, moments: "averaged" as const, learningRate: () => 0 };
    expect(() => localSteps(peers, local, (replica) => steps(replica, () => {}))).toThrow("3 shards");
    state.dispose();
  });
});
