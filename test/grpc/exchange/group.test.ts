import { describe, expect, it } from "vitest";
import { aloneTo, BATCH, network, SHARDS, startNode } from "./fixture.ts";

describe("nodes that train together", () => {
  it.each([1, 2, 3, 4])("%i of them come to the parameters and losses of one alone", async (world) => {
    const one = await aloneTo(6);
    const first = startNode({ to: 6, world });
    const join = await first.endpoint;
    const nodes = [first, ...Array.from({ length: world - 1 }, () => startNode({ to: 6, join }))];
    for (const node of nodes) {
      const { digest, error } = await node.ended;
      expect(error).toBeUndefined();
      expect(node.told.steps).toEqual([0, 1, 2, 3, 4, 5]);
      expect(node.told.losses).toEqual(one.losses);
      expect(digest).toBe(one.digest);
    }
  });

  it("with bfloat16 on the wire have the same parameters, which are close to those of one alone", async () => {
    const run = { shards: SHARDS, shardSize: BATCH / SHARDS, parameters: network.layout.length, bfloat16: true };
    const sent: number[] = [];
    const group = { run, onExchange: ({ bytes }: { bytes: number }) => void sent.push(bytes) };
    const first = startNode({ to: 6, world: 2, group });
    const second = startNode({ to: 6, join: await first.endpoint, group });
    const [a, b] = [await first.ended, await second.ended];
    const one = await aloneTo(6);
    expect(a.digest).toBe(b.digest);
    expect(a.digest).not.toBe(one.digest);
    first.told.losses.forEach((loss, i) => expect(loss / one.losses[i]!).toBeCloseTo(1, 1));
    // Half of the vector to the other, summed and to be summed, 2 bytes each; and two numbers for each of 8 examples.
    for (const bytes of sent) expect(bytes).toBeCloseTo(2 * network.layout.length + 2 * 4 * 8, -2);
  });
});
