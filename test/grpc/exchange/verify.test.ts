import { describe, expect, it } from "vitest";
import { aloneTo, freshState, startNode } from "./fixture.ts";

/** A node that changes a parameter after so many steps; the first is none of the padding. */
function spoiled(after: number) {
  const state = freshState();
  const onStep = (step: number) => {
    if (step !== after) return;
    const snapshot = state.snapshot();
    const parameters = snapshot.parameters.slice();
    parameters[0]! += 1e-3;
    state.restore({ ...snapshot, parameters });
  };
  return { state, onStep };
}

const every = (verifyEvery: number, mixed = false) => ({ group: { verifyEvery, mixed } });

describe("nodes that compare their parameters", { timeout: 20_000 }, () => {
  it("come to the same as without", async () => {
    const first = startNode({ to: 9, world: 2, ...every(2) });
    const other = startNode({ to: 9, join: await first.endpoint, ...every(2) });
    for (const { ended } of [first, other]) {
      expect(await ended).toEqual({ digest: (await aloneTo(9)).digest });
    }
  });

  it.each([3, 1000])("stop when they differ, by name, and nothing is saved (every %i steps)", async (verifyEvery) => {
    const first = startNode({ to: 12, world: 3, ...every(verifyEvery) });
    const join = await first.endpoint;
    const second = startNode({ to: 12, join, rank: 1, ...every(verifyEvery) });
    const third = startNode({ to: 12, join, rank: 2, ...every(verifyEvery), ...spoiled(4) });
    for (const node of [first, second, third]) {
      const { error } = await node.ended;
      expect(error).toMatchObject({ name: "DifferentNodesError", exitCode: 1, keepsState: false });
      expect(error?.message).toMatch(
        /^the nodes have different states after \d+ steps: node 0 has (\w{16}), node 1 has \1, node 2 has (?!\1)\w{16}/,
      );
    }
  });

  it("take over those of one node where they may differ", async () => {
    const first = startNode({ to: 12, world: 2, ...every(2, true) });
    const other = startNode({ to: 12, join: await first.endpoint, ...every(2, true), ...spoiled(3) });
    const [a, b] = await Promise.all([first.ended, other.ended]);
    expect(a.error ?? b.error).toBeUndefined();
    expect(b.digest).toBe(a.digest);
    expect(first.messages.join("\n")).toMatch(/warning: the parameters after \d+ steps differ: node 0 has \w+, node 1/);
    expect(other.messages.join("\n")).toMatch(/the state after \d+ steps was taken over from node 0/);
  });
});
