import { createServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { RunError } from "../../../src/base/errors.ts";
import { everyHost, listenFor } from "../../../src/grpc/endpoint.ts";
import { aloneTo, startNode } from "./fixture.ts";

/** A port where `onConnection` answers. */
async function port(onConnection: (end: () => void) => void): Promise<number> {
  const server = createServer((socket) => onConnection(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Lets a node say that it listens at another address than its own. */
const announcing = (address: string) => ({
  announce: address,
});

describe("the address of a node that joins", () => {
  it.each([
    ["nobody listens", () => Promise.resolve(1), /ECONNREFUSED/],
    ["what listens never answers", () => port(() => {}), /no answer within 0\.15 s/],
    ["another program listens", () => port((end) => end()), /cannot be used: /],
  ])("is refused by name where %s, with the remedy", async (_, at, why) => {
    const first = startNode({ to: 3, world: 2, deadline: 300 });
    const address = `127.0.0.1:${await at()}`;
    const other = startNode({ to: 3, join: await first.endpoint, deadline: 600, group: announcing(address) });
    const { error } = await other.ended;
    expect(error).toBeInstanceOf(RunError);
    expect(error!.message).toContain(`refused: its address ${address} cannot be used: `);
    expect(error!.message).toMatch(why);
    expect(error!.message).toContain("remedy: give --listen HOST:PORT with a name or an address of this machine");
    expect(first.messages.some((text) => text.includes("has joined"))).toBe(false);
    expect(first.messages.some((text) => text.includes(`was refused: its address ${address}`))).toBe(true);
  });

  it("is refused where another node of the run answers", async () => {
    const first = startNode({ to: 3, world: 3, deadline: 300 });
    const join = await first.endpoint;
    const second = startNode({ to: 3, join, deadline: 3000 });
    const { port } = await second.endpoint.then(() => ({ port: /(\d+)$/.exec(second.messages[0]!)![1]! }));
    const third = startNode({ to: 3, join, deadline: 400, group: announcing(`127.0.0.1:${port}`) });
    expect((await third.ended).error?.message).toContain("another process answers there");
  });
});

describe("proxies of the environment", () => {
  const names = ["grpc_proxy", "https_proxy", "http_proxy"];
  afterEach(() => names.forEach((name) => delete process.env[name]));

  it("do not come between nodes", async () => {
    const asked: number[] = [];
    const proxy = await port((end) => (asked.push(1), end()));
    for (const name of names) process.env[name] = `http://127.0.0.1:${proxy}`;
    const first = startNode({ to: 2, world: 2 });
    const second = startNode({ to: 2, join: await first.endpoint, rank: 1 });
    const { digest } = await aloneTo(2);
    for (const node of [first, second]) expect(await node.ended).toEqual({ digest });
    expect(asked).toEqual([]);
  });
});

describe("a name that the hosts file maps to loopback", () => {
  it.each([
    ["machine", ["127.0.1.1"], everyHost()],
    ["machine", ["::1", "127.0.0.1"], everyHost()],
    ["machine", ["127.0.1.1", "10.0.0.2"], "machine"],
    ["machine", [], "machine"],
    ["localhost", ["127.0.0.1"], "localhost"],
    ["127.0.1.1", ["127.0.1.1"], "127.0.1.1"],
    ["::1", ["::1"], "::1"],
  ])("%s, found at %j, lets a node listen at %s", async (host, found, at) => {
    expect(await listenFor({ host, port: 5 }, async () => found)).toEqual({ host: at, port: 5 });
  });
});
