import type { Tensor1D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { Replica, summedVectors, type Moments } from "../../src/training/replica.ts";
import { expectNoLeak } from "../support/tensors.ts";

const vector = (...values: number[]) => tf.tensor1d(values) as Tensor1D;
const adam = (parameters: number, m: number, v: number) => ({
  parameters: vector(parameters, parameters),
  m: vector(m, m),
  v: vector(v, v),
});
const first = ({ parameters, m, v }: Replica["adam"]) => [parameters, m, v].map((one) => one.dataSync()[0]);

/** A replica that has taken one step from the common state (1, 2, 3), and what the next round gives it. */
async function round(
  moments: Moments,
  read: (replica: Replica, common: { step: number; adam: Replica["adam"] }) => void,
) {
  await expectNoLeak(() => {
    const replica = new Replica(moments);
    const common = { step: 5, adam: adam(1, 2, 3) };
    replica.begin(1, common);
    replica.advance(adam(10, 20, 30));
    read(replica, common);
    replica.dispose();
    tf.dispose({ ...common.adam });
  });
}

describe("a replica", () => {
  it.each([
    ["averaged", [1, 2, 3], [-9, -9, 20, 20, 30, 30]],
    ["restarted", [1, 0, 0], [-9, -9]],
    ["carried", [1, 20, 30], [-9, -9]],
  ] as const)("whose moments are %s begins with its own, and tells what is summed", async (moments, begun, change) => {
    await round(moments, (replica, common) => {
      expect([replica.step, first(replica.adam)]).toEqual([6, [10, 20, 30]]);
      const told = replica.change(common);
      expect([...told.dataSync()]).toEqual(change);
      expect(told.size).toBe(2 * summedVectors(moments));
      told.dispose();
      replica.end();
      replica.begin(1, common);
      expect([replica.step, first(replica.adam)]).toEqual([5, begun]);
    });
  });

  it("that carries its moments has those of its own index, the newest, and zeros before it has any", async () => {
    await round("carried", (replica, common) => {
      replica.end();
      replica.begin(0, common);
      expect(first(replica.adam)).toEqual([1, 0, 0]);
      replica.begin(1, common);
      replica.advance(adam(11, 21, 31));
      replica.end();
      replica.begin(1, common);
      expect(first(replica.adam)).toEqual([1, 21, 31]);
    });
  });

  it("owns copies: the common state stays as it is", async () => {
    await round("averaged", (replica, common) => {
      replica.begin(1, common);
      replica.advance(adam(7, 8, 9));
      expect(first(common.adam)).toEqual([1, 2, 3]);
    });
  });

  it("has no state before its first round", () => {
    expect(() => new Replica("averaged").adam).toThrow("replica: no round has begun");
  });
});
