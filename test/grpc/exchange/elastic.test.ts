import { describe, expect, it } from "vitest";
import { NonFiniteLossError } from "../../../src/base/errors.ts";
import { statusError } from "../../../src/grpc/receive.ts";
import type { Wire } from "../../../src/grpc/exchange/wire.ts";
import { until } from "../fixture.ts";
import { aloneTo, freshState, startNode, training, type RunningNode } from "./fixture.ts";

/** Expects that nodes come to what one alone comes to, and that the steps each applied are without gap or repetition. */
async function expectAlone(to: number, ...nodes: RunningNode[]): Promise<void> {
  const one = await aloneTo(to);
  for (const { ended, told } of nodes) {
    const { digest, error } = await ended;
    expect(error).toBeUndefined();
    expect(digest).toBe(one.digest);
    expect(told.losses).toEqual(one.losses.slice(to - told.losses.length));
    expect(told.steps).toEqual(told.steps.map((_, i) => to - told.steps.length + i));
  }
}

const reached = (node: RunningNode, step: number) => until(() => node.told.steps.length >= step);

describe("nodes that come and go", { timeout: 30_000 }, () => {
  it("goes on without one that dies, which another replaces", async () => {
    const first = startNode({ to: 16, world: 3 });
    const join = await first.endpoint;
    const [second, third] = [startNode({ to: 16, join }), startNode({ to: 16, join })];
    await reached(first, 3);
    third.kill();
    await reached(first, 7);
    const late = startNode({ to: 16, join });
    await expectAlone(16, first, second, late);
    expect(late.messages.join()).toMatch(/the state after \d+ steps was taken over/);
    expect(late.told.steps[0]).toBeGreaterThanOrEqual(7);
  });

  it("takes in who comes to a run of one node, also twice", async () => {
    const first = startNode({ to: 20 });
    const join = await first.endpoint;
    await reached(first, 3);
    const second = startNode({ to: 20, join });
    await reached(second, 1);
    second.kill();
    const third = startNode({ to: 20, join, rank: 1 });
    await expectAlone(20, first, third);
    expect(third.told.steps.length).toBeGreaterThan(0);
  });

  it("leaves out a node that takes nothing any more, and takes it in again", async () => {
    const first = startNode({ to: 40, world: 2, deadline: 1000 });
    let stalled = false;
    let calls = 0;
    // Sends nothing for as long as it is stalled.
    const stalling = (wire: Wire): Wire => ({
      ...wire,
      async deliver(...args) {
        if (++calls === 8) {
          stalled = true;
          await until(() => !stalled);
        }
        return wire.deliver(...args);
      },
    });
    const second = startNode({ to: 40, join: await first.endpoint, deadline: 1000, group: { wire: stalling } });
    await until(() => stalled);
    const before = first.messages.length;
    await until(() => first.messages.slice(before).some((text) => /is left out: .*was silent beyond/.test(text)));
    stalled = false;
    await until(() => second.messages.some((text) => text.includes("joining again")));
    await expectAlone(40, first);
    expect((await second.ended).digest).toBe((await aloneTo(40)).digest);
  });

  it("goes on when the stream to a node breaks", async () => {
    const first = startNode({ to: 20, world: 3 });
    const join = await first.endpoint;
    let calls = 0;
    const breaking = (wire: Wire): Wire => ({
      ...wire,
      deliver: (...args) =>
        ++calls === 7 ? Promise.reject(statusError(14, "the stream broke")) : wire.deliver(...args),
    });
    const second = startNode({ to: 20, join, group: { wire: breaking } });
    const third = startNode({ to: 20, join });
    const one = await aloneTo(20);
    for (const node of [first, second, third]) expect((await node.ended).digest).toBe(one.digest);
    // It was sent again: nobody had to leave.
    expect(first.messages.filter((text) => text.includes("left out"))).toEqual([]);
  });

  it("stops the others when the first node is gone, and they know what to do", async () => {
    const first = startNode({ to: 1000, world: 2, deadline: 1000 });
    const second = startNode({ to: 1000, join: await first.endpoint });
    await reached(second, 4);
    first.kill();
    const { error } = await second.ended;
    expect(error?.name).toBe("CoordinatorLostError");
    expect(error?.message).toMatch(/is gone .* remedy: start a node with --listen on the --workdir of the newest/s);
    // Their state is whole: another run goes on from it to the same result.
    const { digest } = await second.ended;
    expect(digest).toBe((await aloneTo(second.told.steps.length)).digest);
  });

  it("stops the others when the first node is told to stop; they too save", async () => {
    const stop = new AbortController();
    const first = startNode({
      to: 1000,
      world: 2,
      deadline: 1000,
      signal: stop.signal,
      onStep: (step) => step === 3 && stop.abort(),
    });
    const second = startNode({ to: 1000, join: await first.endpoint });
    expect((await first.ended).error).toBeUndefined();
    const { error, digest } = await second.ended;
    expect(error?.message).toMatch(
      /^the coordinator .* is gone \(the coordinator stops\); the state after \d+ steps was saved/,
    );
    expect(digest).toBe((await aloneTo(second.told.steps.length)).digest);
  });

  it("lets a node leave that is told to stop; the others go on", async () => {
    const stop = new AbortController();
    // At its end the first node waits five deadlines for the one that has left.
    const first = startNode({ to: 20, world: 2, deadline: 1500 });
    const second = startNode({ to: 20, join: await first.endpoint, signal: stop.signal, onStep: (step) => step === 5 && stop.abort() }); // prettier-ignore
    const { digest, error } = await second.ended;
    expect(error).toBeUndefined();
    expect(digest).toBe((await aloneTo(second.told.steps.length)).digest);
    expect(second.told.steps.length).toBeLessThan(20);
    await expectAlone(20, first);
    expect(first.messages).toContain("node 1 has left; 1 of 2 nodes stay");
  });

  it("computes nothing behind its last step, where another dies in it", async () => {
    const [steps, state] = [[] as number[], freshState()];
    const first = startNode({
      ...{ to: 4, world: 2, deadline: 500, state },
      stages(peers) {
        const turns = peers.turns.bind(peers);
        peers.turns = async function* (closed) {
          for await (const turn of turns(closed)) {
            steps.push(turn.step);
            yield turn;
          }
        };
        return training(state, peers, { to: 4 }).stream;
      },
    });
    const second = startNode({ to: 4, join: await first.endpoint, onStep: (step) => step === 4 && second.kill() });
    const { digest, error } = await first.ended;
    expect([error, digest]).toEqual([undefined, (await aloneTo(4)).digest]);
    expect([steps.at(0), steps.at(-1)]).toEqual([0, 3]);
  });

  it("stops everywhere before a step whose loss is not finite", async () => {
    const first = startNode({ to: 20, world: 2 });
    const second = startNode({ to: 20, join: await first.endpoint });
    await reached(second, 3);
    // Neither loss nor gradient of what this node computes from now on are numbers.
    const snapshot = second.state.snapshot();
    second.state.restore({ ...snapshot, parameters: snapshot.parameters.fill(NaN) });
    for (const node of [first, second]) expect((await node.ended).error).toBeInstanceOf(NonFiniteLossError);
    expect((await first.ended).digest).toBe((await aloneTo(first.told.steps.length)).digest);
  });
});
