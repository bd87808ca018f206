/** Rounds of replicas that do not count: given up, computed again, or given by other nodes. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { concatMap, filter, firstValueFrom, map, pipe, Subject, timer } from "rxjs";
import { expect, it } from "vitest";
import { createBatch, type Batch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { localSteps } from "../../src/streams/local-steps.ts";
import type { Group, StepSum } from "../../src/training/peers.ts";
import type { Replica, ReplicaRound } from "../../src/training/replica.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { infoAt } from "./fixture.ts";

const layout = layoutOf([{ name: "p", shape: [1], init: { kind: "ones" } }]);
const [EVERY, REPLICAS] = [3, 2];
const row = { data: new Float32Array(1), shape: [] };

/** A step that changes nothing, after a wait. */
const steps = (replica: Replica) =>
  pipe(
    concatMap((batch: Batch<"data">) => timer(0).pipe(map(() => batch))),
    map(({ info }) => {
      const { parameters, m, v } = replica.adam;
      replica.advance({ parameters: tf.clone<Tensor1D>(parameters), m: tf.clone(m), v: tf.clone(v) });
      return createBatch({ loss: row, gradNorm: row, learningRate: row }, info);
    }),
  );

/** A training that takes the rounds of replicas when it is told. */
function training() {
  const state = TrainState.initial(layout, 1);
  let apply: ((sum: StepSum) => void) | undefined;
  /** Times that the group was asked whether it still wants the round, and the one at which it does not. */
  let [asked, last] = [0, Infinity];
  const peers = {
    ...{ alone: false, shards: REPLICAS, rounds: EVERY, applied: 0 },
    owes: () => asked < last,
    reconsider: () => void asked++,
    add: () => {},
    onSum: (listener: (sum: StepSum) => void) => ((apply = listener), () => (apply = undefined)),
  } as unknown as Group;
  const [source, ended] = [new Subject<Batch<"data">>(), new Subject<number>()];
  let replica: Replica | undefined;
  const options = { state, shards: REPLICAS, outer: { learningRate: 1, momentum: 0 }, moments: "averaged" as const };
  const operator = localSteps<Batch<"data">>(peers, { ...options, learningRate: () => 0 }, (own) => {
    replica = own;
    return pipe(
      steps(own),
      map((record) => (setImmediate(() => ended.next(record.info.step)), record)),
    );
  });
  const subscription = source.pipe(operator).subscribe();
  return {
    state,
    /** @param givenUp Before its last step, which is on its way. */
    async take(round: number, shard: number, givenUp = false): Promise<ReplicaRound> {
      // Before each step.
      [asked, last] = [0, givenUp ? EVERY : Infinity];
      const end = EVERY * (round + 1);
      const over = firstValueFrom(ended.pipe(filter((step) => step === end - 1)));
      for (let step = EVERY * round; step < end; step++) {
        source.next(createBatch({ data: row }, infoAt({ step, shard, shards: REPLICAS })));
      }
      await over;
      return replica!.round;
    },
    sum: (step: number, own?: StepSum["own"]) =>
      apply?.({ step, sum: new Float32Array(3 * layout.length), t: row.data, loss: row.data, ...(own && { own }) }),
    end() {
      subscription.unsubscribe();
      state.dispose();
    },
  };
}

const givenUp = (rounds: readonly ReplicaRound[]) => rounds.map((round) => round.givenUp);

it("is a round that was given up while its last step was on its way", async () => {
  const { take, end } = training();
  expect(givenUp([await take(0, 0, true), await take(0, 1)])).toEqual([true, false]);
  end();
});

it("is a round that was computed again, and one that another node gave to the sum", async () => {
  const { take, sum, end } = training();
  const rounds = [await take(0, 0), await take(0, 1), await take(0, 1)];
  expect(givenUp(rounds)).toEqual([false, true, false]);
  sum(0, { first: 1, end: 2 });
  expect(givenUp(rounds)).toEqual([true, true, false]);
  end();
});

it("is a round that the run has passed without this node", async () => {
  const { state, take, sum, end } = training();
  const old = await take(0, 0);
  state.restore({ ...state.snapshot(), step: EVERY });
  const own = await take(1, 1);
  sum(1);
  expect(givenUp([old, own])).toEqual([true, false]);
  end();
});
