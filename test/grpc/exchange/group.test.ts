import { readdirSync, readlinkSync, statSync } from "node:fs";
import { connect } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { hasSharedPages } from "../../../src/engine/shared-pages.ts";
import { endpointText } from "../../../src/grpc/endpoint.ts";
import { FLOW_CONTROL_WINDOW } from "../../../src/grpc/exchange/client.ts";
import type { Group, StepSum } from "../../../src/training/peers.ts";
import { aloneTo, BATCH, freshState, network, SHARDS, startNode, training } from "./fixture.ts";

describe.each([
  ["read each other's memory", true],
  ["send messages", false],
])("nodes that train together and %s", (_, sharedMemory) => {
  it.each([1, 2, 3, 4])("%i of them come to the parameters and losses of one alone", async (world) => {
    const one = await aloneTo(6);
    const group = { sharedMemory };
    const first = startNode({ to: 6, world, group });
    const join = await first.endpoint;
    const nodes = [first, ...Array.from({ length: world - 1 }, () => startNode({ to: 6, join, group }))];
    for (const node of nodes) {
      const { digest, error } = await node.ended;
      expect(error).toBeUndefined();
      expect(node.told.steps).toEqual([0, 1, 2, 3, 4, 5]);
      expect(node.told.losses).toEqual(one.losses);
      expect(digest).toBe(one.digest);
    }
  });

  it.each([2, 4])("%i of them send 2 (N - 1) / N times the vector each, and their losses", async (world) => {
    const sent: number[] = [];
    const group = { sharedMemory, onExchange: ({ bytes }: { bytes: number }) => void sent.push(bytes) };
    const first = startNode({ to: 4, world, group });
    const join = await first.endpoint;
    const nodes = [first, ...Array.from({ length: world - 1 }, () => startNode({ to: 4, join, group }))];
    for (const node of nodes) expect((await node.ended).error).toBeUndefined();
    expect(sent).toHaveLength(4 * world);
    // Times and losses of a node's examples to each other one; ranges are multiples of 16 values.
    const losses = (world - 1) * 2 * 4 * (BATCH / world);
    const vectors = (8 * (world - 1) * network.layout.length) / world;
    for (const bytes of sent) expect(Math.abs(bytes - losses - vectors)).toBeLessThanOrEqual(2 * 64 * world);
  });

  it("with bfloat16 on the wire have the same parameters, which are close to those of one alone", async () => {
    const run = { shards: SHARDS, shardSize: BATCH / SHARDS, parameters: network.layout.length, bfloat16: true };
    const sent: number[] = [];
    const group = { run, sharedMemory, onExchange: ({ bytes }: { bytes: number }) => void sent.push(bytes) };
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

it("are told which shards of a sum they gave", async () => {
  const told: StepSum["own"][][] = [];
  const start = (index: number, setup: object) => {
    const state = freshState();
    const own: StepSum["own"][] = (told[index] = []);
    const stages = (peers: Group) => {
      const onSum = peers.onSum.bind(peers);
      peers.onSum = (apply) => onSum((sum) => (own.push(sum.own), apply(sum)));
      return training(state, peers, { to: 2 }).stream;
    };
    return startNode({ to: 2, state, stages, ...setup });
  };
  const first = start(0, { world: 2 });
  const second = start(1, { join: await first.endpoint });
  for (const node of [first, second]) expect((await node.ended).error).toBeUndefined();
  const [one, other] = [
    { first: 0, end: SHARDS / 2 },
    { first: SHARDS / 2, end: SHARDS },
  ];
  expect(told).toEqual([
    [one, one],
    [other, other],
  ]);
});

/** Files of shared memory that this process has open, by inode. */
const sharedFiles = () =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = `/proc/self/fd/${fd}`;
      return readlinkSync(path).startsWith("/memfd:scorestream") ? [statSync(path).ino] : [];
    } catch {
      return [];
    }
  });

it.runIf(hasSharedPages())("shares the same memory at every step: new pages would cost more than the sum", async () => {
  const before = new Set(sharedFiles());
  const seen = new Set<number>();
  const onExchange = () => sharedFiles().forEach((file) => void (before.has(file) || seen.add(file)));
  const group = { sharedMemory: true, onExchange };
  const first = startNode({ to: 8, world: 2, group });
  const second = startNode({ to: 8, join: await first.endpoint, group });
  for (const node of [first, second]) expect((await node.ended).error).toBeUndefined();
  expect(seen.size).toBe(2);
});

it("keeps no port for TensorFlow's server where it cannot listen itself", async () => {
  const first = startNode({ to: 1, world: 2, deadline: 60_000 });
  const listen = await first.endpoint;
  const servers = () => process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;
  const before = servers();
  const second = startNode({ to: 1, targets: { listen }, group: { collectives: true } });
  expect((await second.ended).error?.message).toContain("cannot listen there");
  // Those of tests before may still end.
  await expect.poll(servers).toBeLessThanOrEqual(before);
});

it("lets more than the default of 64 KiB be on its way to a node unread, on a connection and on a stream", async () => {
  const node = startNode({ to: 1, world: 2, deadline: 60_000 });
  const session = connect(`http://${endpointText(await node.endpoint)}`);
  onTestFinished(() => session.destroy());
  await expect.poll(() => session.remoteSettings.initialWindowSize).toBe(FLOW_CONTROL_WINDOW);
  await expect.poll(() => session.state.remoteWindowSize).toBe(FLOW_CONTROL_WINDOW);
});
