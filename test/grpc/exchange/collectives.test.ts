import { networkInterfaces } from "node:os";
import { createConnection } from "node:net";
import { once } from "node:events";
import { lastValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { NonFiniteLossError } from "../../../src/base/errors.ts";
import { hasCollectives } from "../../../src/engine/collectives.ts";
import { BrokenGroupError } from "../../../src/grpc/exchange/failures.ts";
import { freePort } from "../../../src/grpc/free-port.ts";
import { alone } from "../../../src/training/peers.ts";
import { aloneTo, freshState, startNode, training, type NodeSetup } from "./fixture.ts";

/** Two nodes: more of them in one process have not enough threads to wait in. */
async function two(setup: Omit<NodeSetup, "join" | "world">, second: Partial<NodeSetup> = {}) {
  const group = { collectives: true };
  const a = startNode({ ...setup, world: 2, group });
  const b = startNode({ ...setup, ...second, join: await a.endpoint, group });
  return [a, b] as const;
}

const portOf = (messages: readonly string[]) => Number(/server listens at port (\d+)/.exec(messages.join("\n"))?.[1]);

/** An address of this machine that is not loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;

/** Whether it answers within a second. */
async function answers(host: string, port: number): Promise<boolean> {
  const socket = createConnection({ host, port, timeout: 1000 });
  try {
    return await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "timeout").then(() => false),
    ]).catch(() => false);
  } finally {
    socket.destroy();
  }
}

describe.runIf(hasCollectives())("nodes that train together by TensorFlow's collectives", () => {
  it("come to the parameters and losses of one alone", async () => {
    const one = await aloneTo(6);
    for (const node of await two({ to: 6 })) {
      const { digest, error } = await node.ended;
      expect(error).toBeUndefined();
      expect(node.told.steps).toEqual([0, 1, 2, 3, 4, 5]);
      expect(node.told.losses).toEqual(one.losses);
      expect(digest).toBe(one.digest);
    }
  });

  it("do not wait without limit for one that does not come", async () => {
    const { error } = await startNode({ to: 3, world: 2, deadline: 20, group: { collectives: true } }).ended;
    expect(error).toBeInstanceOf(BrokenGroupError);
    expect(error?.message).toContain("not all came within 0.2 s (exchange.deadlineSeconds)");
  });

  it("go on from the newest state among them", async () => {
    const state = freshState();
    await lastValueFrom(training(state, alone(), { to: 2 }).stream);
    const [a, b] = await two({ to: 6 }, { state });
    expect((await a.ended).digest).toBe((await aloneTo(6)).digest);
    expect(a.told.steps).toEqual([2, 3, 4, 5]);
    expect((await b.ended).error).toBeUndefined();
  });

  it("stop without one of them, and say so", async () => {
    const [a, b] = await two({ to: Infinity, onStep: (step) => step === 3 && setImmediate(() => b.kill()) });
    const { error } = await a.ended;
    expect(error).toBeInstanceOf(BrokenGroupError);
    expect(error!.message).toMatch(/a node has left it, or is lost; the state after \d+ steps was saved\n {2}remedy: /);
  });

  it("stop after the same step when one is told to", async () => {
    const stop = new AbortController();
    const [a, b] = await two({ to: Infinity }, { signal: stop.signal, onStep: (step) => step === 3 && stop.abort() });
    const [kept, stopped] = [await a.ended, await b.ended];
    expect(stopped.error).toBeUndefined();
    expect(kept.error!.message).toContain("node 1 was told to stop");
    expect(kept.digest).toBe(stopped.digest);
  });

  it("stop before a step whose loss is not finite", async () => {
    const [a, b] = await two({ to: Infinity });
    while (b.told.steps.length < 3) await new Promise(setImmediate);
    const snapshot = b.state.snapshot();
    b.state.restore({ ...snapshot, parameters: snapshot.parameters.fill(NaN) });
    for (const node of [a, b]) expect((await node.ended).error).toBeInstanceOf(NonFiniteLossError);
    expect((await a.ended).digest).toBe((await aloneTo(a.told.steps.length)).digest);
  });

  it("take nobody in later", async () => {
    const [a, b] = await two({ to: Infinity, deadline: 500 });
    while (a.told.steps.length === 0) await new Promise(setImmediate);
    const late = await startNode({ to: 6, join: await a.endpoint, group: { collectives: true } }).ended;
    expect(late.error!.message).toContain("refused: the 2 nodes that began stay the only ones");
    b.kill();
    await a.ended;
  });

  it.runIf(outside)(
    "let only this machine's own addresses reach TensorFlow's server, and afterwards nobody",
    async () => {
      const unguarded = await freePort();
      expect(await answers(outside!, unguarded.port)).toBe(true);
      await unguarded.release();
      const [a, b] = await two({ to: Infinity });
      while (a.told.steps.length === 0) await new Promise(setImmediate);
      const port = portOf(a.messages);
      expect(await answers("127.0.0.1", port)).toBe(true);
      expect(await answers("::1", port)).toBe(true);
      expect(await answers(outside!, port)).toBe(false);
      b.kill();
      await a.ended;
      expect(await answers("127.0.0.1", port)).toBe(false);
    },
  );
});
