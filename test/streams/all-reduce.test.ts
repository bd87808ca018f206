import { concat, lastValueFrom, NEVER, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import type { Group, ShardGradient, StepSum, Turn } from "../../src/training/peers.ts";
import { accumulate } from "../../src/streams/accumulate.ts";
import { allReduce, alone } from "../../src/streams/all-reduce.ts";
import { credit } from "../../src/streams/credit.ts";
import { gradientOf, type Gradient } from "../../src/streams/gradient.ts";
import { trainBatches } from "../../src/streams/batches.ts";
import { expectNoLeak, values } from "../support/tensors.ts";
import { imageExamples, infoAt } from "./fixture.ts";

const column = (...numbers: number[]) => ({ data: Float32Array.from(numbers), shape: [] });
const gradient = (shard: number, ...numbers: number[]): Gradient<"shard"> => {
  const batch = createBatch({ t: column(0.5), loss: column(shard) }, infoAt({ shard, shards: 4 }));
  return gradientOf("shard", batch, tf.tensor1d(numbers));
};

/** Peers that give the turns named, and take part in nothing. */
function peersWith(turns: readonly Turn[]) {
  const added: ShardGradient[] = [];
  let apply: ((sum: StepSum) => void) | undefined;
  let left = 0;
  const peers: Group & { applied: number } = {
    alone: false,
    after: () => undefined,
    shards: 4,
    applied: 0,
    async *turns() {
      try {
        for (const [i, turn] of turns.entries()) {
          // The step before was applied.
          if (i > 0 && turn.step !== turns[i - 1]!.step) peers.applied++;
          yield turn;
        }
      } finally {
        left++;
      }
    },
    verified: async () => {},
    add: (gradient) => void added.push(gradient),
    owes: () => false,
    reconsider: () => {},
    onSum(listener) {
      apply = listener;
      return () => (apply = undefined);
    },
  };
  return { peers, added, give: (sum: StepSum) => apply!(sum), isHeard: () => apply !== undefined, left: () => left };
}

describe("allReduce", () => {
  it("hands gradients on alone", async () => {
    const one = gradient(0, 1);
    expect(await lastValueFrom(of(one).pipe(allReduce(alone()), toArray()))).toEqual([{ ...one, of: "reduced" }]);
    one.values.dispose();
  });

  it("gives the shards' gradients to the peers, and nothing on before they have summed them", async () => {
    await expectNoLeak(() => {
      const { peers, added, isHeard } = peersWith([]);
      const own = gradient(2, 1, 2);
      const seen: Gradient[] = [];
      const subscription = concat(of(own), NEVER)
        .pipe(allReduce(peers))
        .subscribe((whole) => seen.push(whole));
      expect(added.map(({ step, shard, loss }) => [step, shard, ...loss])).toEqual([[0, 2, 2]]);
      expect([seen, isHeard()]).toEqual([[], true]);
      subscription.unsubscribe();
      expect(isHeard()).toBe(false);
      own.values.dispose();
    });
  });

  it("emits the mean when a sum comes, which accumulate lets through, and frees it", async () => {
    await expectNoLeak(() => {
      const { peers, give } = peersWith([]);
      const seen: number[][] = [];
      const never = { subscribe: () => ({ unsubscribe() {} }) } as never;
      const subscription = allReduce(peers)(never)
        .pipe(accumulate(4))
        .subscribe(({ batch, values: mean }) => {
          seen.push([batch.info.step, batch.info.firstSample, batch.info.shards, batch.size, ...values(mean)]);
        });
      give({ step: 3, sum: Float32Array.of(8, 4), t: new Float32Array(4), loss: new Float32Array(4) });
      expect(seen).toEqual([[3, 12, 1, 4, 2, 1]]);
      subscription.unsubscribe();
    });
  });
});

describe("trainBatches with peers", () => {
  const options = { batchSize: 8, shards: 4, seed: 1, from: 0, to: 3 };
  const batches = (over: object) => trainBatches(imageExamples(20), "image", { ...options, ...over });

  it("emits the batches of its turns, each the one that it is alone, and leaves at the end", async () => {
    const turns = [[0, 2], [0, 3], [0, 0], [2, 1]].map(([step, shard]) => ({ step: step!, shard: shard! })); // prettier-ignore
    const { peers, left } = peersWith(turns);
    const all = await lastValueFrom(batches({}).pipe(toArray()));
    const own = await lastValueFrom(batches({ peers }).pipe(toArray()));
    expect(own).toHaveLength(4);
    own.forEach(({ record, info }, i) => {
      const same = all[turns[i]!.step * 4 + turns[i]!.shard]!;
      expect(info).toEqual(same.info);
      expect(record.toString()).toBe(same.record.toString());
    });
    expect(left()).toBe(1);
  });

  it("takes the credits of a whole step for a step, however many shards are its own", async () => {
    const { peers, left } = peersWith([0, 1, 2].map((step) => ({ step, shard: 1 })));
    const window = credit(8);
    const seen: number[] = [];
    const subscription = batches({ peers, credit: window }).subscribe(({ info }) => seen.push(info.step));
    // The third step finds no credit; refunding one step lets it through.
    while (seen.length < 2) await new Promise(setImmediate);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(seen).toEqual([0, 1]);
    of(0).pipe(window.refund(4)).subscribe();
    while (left() === 0) await new Promise(setImmediate);
    expect(seen).toEqual([0, 1, 2]);
    subscription.unsubscribe();
  });

  it("leaves when it is unsubscribed while it waits for a credit", async () => {
    const { peers, left } = peersWith([{ step: 0, shard: 0 }, { step: 1, shard: 0 }]); // prettier-ignore
    const seen: number[] = [];
    const subscription = batches({ peers, credit: credit(4) }).subscribe(({ info }) => seen.push(info.step));
    while (seen.length < 1) await new Promise(setImmediate);
    subscription.unsubscribe();
    while (left() === 0) await new Promise(setImmediate);
    expect(seen).toEqual([0]);
  });
});
