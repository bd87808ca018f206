import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { roundToInt8 } from "../../src/ops/int8-blocks.ts";
import { LocalGroup } from "../../src/training/local-group.ts";
import type { StepSum, Turn } from "../../src/training/peers.ts";
import { expectNoLeak } from "../support/tensors.ts";

const group = (signal?: AbortSignal) => new LocalGroup({ replicas: 3, every: 5, from: 4, to: 6, signal });

/** Does each turn by its number. */
async function work(peers: LocalGroup, onTurn: (turn: Turn) => void = () => {}) {
  const turns: Turn[] = [];
  const added: Turn[] = [];
  const sums: StepSum[] = [];
  peers.onSum((sum) => sums.push(sum));
  for await (const turn of peers.turns(new AbortController().signal)) {
    turns.push(turn);
    // As stages do, after the next turn was asked for.
    setImmediate(() => {
      onTurn(turn);
      peers.reconsider();
      if (!peers.owes(turn)) return;
      added.push(turn);
      const values = tf.tensor1d([turn.shard === 0 ? 2 ** 24 : 1]);
      peers.add({ ...turn, values, t: Float32Array.of(turn.shard), loss: Float32Array.of(turn.step) });
      values.dispose();
    });
  }
  return { turns, added, sums };
}

describe("LocalGroup", () => {
  it("gives the replicas of each round in order, and sums them in the order of the tree", async () => {
    await expectNoLeak(async () => {
      const peers = group();
      const { turns, sums } = await work(peers);
      expect(turns.map(({ step, shard }) => `${step}/${shard}`)).toEqual(["4/0", "4/1", "4/2", "5/0", "5/1", "5/2"]);
      expect(sums.map(({ step, t, loss }) => [step, [...t], [...loss]])).toEqual([
        [4, [0, 1, 2], [4, 4, 4]],
        [5, [0, 1, 2], [5, 5, 5]],
      ]);
      // (2^24 + 1) + 1 stays 2^24; 2^24 + (1 + 1) would not.
      expect(sums.map(({ sum }) => sum[0])).toEqual([2 ** 24, 2 ** 24]);
      expect([peers.applied, peers.shards, peers.rounds]).toEqual([2, 3, 5]);
      expect([peers.after({ step: 4, shard: 2 }), peers.after({ step: 5, shard: 2 })]).toEqual([
        { step: 5, shard: 0 },
        undefined,
      ]);
    });
  });

  it("rounds each replica's change and their sum to int8 in blocks if asked to", async () => {
    await expectNoLeak(async () => {
      const changes = [0.3, 1, 2].map((size) => Float32Array.from({ length: 600 }, (_, i) => size * Math.sin(i * size) * 3 ** -(i % 9))); // prettier-ignore
      const sumWith = async (int8: boolean) => {
        const peers = new LocalGroup({ replicas: 3, every: 5, from: 0, to: 1, int8 });
        const sums: Float32Array[] = [];
        peers.onSum(({ sum }) => sums.push(sum));
        for await (const turn of peers.turns(new AbortController().signal)) {
          setImmediate(() => {
            const values = tf.tensor1d(changes[turn.shard]!);
            peers.add({ ...turn, values, t: Float32Array.of(0), loss: Float32Array.of(0) });
            expect([...(values.dataSync() as Float32Array)]).toEqual([...changes[turn.shard]!]);
            values.dispose();
          });
        }
        return sums[0]!;
      };
      const add = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + b[i]!);
      const summed = ([a, b, c]: readonly Float32Array[]) => add(add(a!, b!), c!);
      const rounded = (values: Float32Array) => roundToInt8(values.slice());
      expect(await sumWith(true)).toEqual(rounded(summed(changes.map(rounded))));
      expect(await sumWith(false)).toEqual(summed(changes));
      // All three roundings count.
      expect(rounded(summed(changes))).not.toEqual(rounded(summed(changes.map(rounded))));
      expect(summed(changes.map(rounded))).not.toEqual(rounded(summed(changes.map(rounded))));
    });
  });

  it("gives the round in hand up when it is told to stop", async () => {
    await expectNoLeak(async () => {
      const stop = new AbortController();
      const { turns, added, sums } = await work(group(stop.signal), ({ step, shard }) => {
        if (step === 5 && shard === 1) stop.abort();
      });
      expect(turns).toHaveLength(5);
      expect(added).toEqual(turns.slice(0, 4));
      expect(sums.map(({ step }) => step)).toEqual([4]);
    });
  });

  it("owes one replica of one round at a time", async () => {
    const closed = new AbortController();
    const peers = group();
    const turns = peers.turns(closed.signal);
    await turns.next();
    const owed = [[4, 0], [4, 1], [5, 0]].map(([step, shard]) => peers.owes({ step: step!, shard: shard! })); // prettier-ignore
    expect(owed).toEqual([true, false, false]);
    const next = turns.next();
    closed.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it("goes on when nobody takes the sums", async () => {
    await expectNoLeak(async () => {
      const peers = group();
      for await (const turn of peers.turns(new AbortController().signal)) {
        setImmediate(() => {
          const values = tf.tensor1d([1]);
          peers.add({ ...turn, values, t: Float32Array.of(0), loss: Float32Array.of(0) });
          values.dispose();
        });
      }
      expect(peers.applied).toBe(2);
    });
  });

  it("ends when nobody wants more", async () => {
    const closed = new AbortController();
    const turns = group().turns(closed.signal);
    await turns.next();
    const next = turns.next();
    closed.abort();
    expect((await next).done).toBe(true);
  });
});
