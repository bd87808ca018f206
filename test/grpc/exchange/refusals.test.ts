import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import { protoPath } from "grpc-health-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { endpointText } from "../../../src/grpc/endpoint.ts";
import { crc32 } from "../../../src/base/crc.ts";
import { exchangeService, type SentParcel } from "../../../src/grpc/exchange/definition.ts";
import type { ParcelMessage } from "../../../src/exchange/messages.ts";
import { parcel, type Vector } from "../../../src/grpc/exchange/parcel.ts";
import { selfSigned } from "../fixture.ts";
import { aloneTo, startNode } from "./fixture.ts";
import { stranger } from "./stranger.ts";

async function listed(source: AsyncIterable<SentParcel>): Promise<ParcelMessage[]> {
  const messages: ParcelMessage[] = [];
  const { requestSerialize, requestDeserialize } = exchangeService.Deliver;
  // A copy: the chunks of a parcel are written into the same memory, one after another.
  for await (const message of source)
    messages.push(requestDeserialize(Buffer.from(requestSerialize(message as ParcelMessage))));
  return messages;
}

describe("a parcel that is not what the view says", () => {
  it("is refused by name, and nothing of it is applied", async () => {
    const node = startNode({ to: 3, world: 2, deadline: 60_000 });
    const { header, vectors, send, sendWith } = await stranger(await node.endpoint);
    const good = await listed(parcel(header, vectors));
    const withVector = (index: number, over: Partial<Vector>) => vectors.map((vector, i) => (i === index ? { ...vector, ...over } : vector)); // prettier-ignore
    const withChunk = (index: number, over: object) => good.map((message, i) => (i === index ? { chunk: { ...message.chunk!, ...over } } : message)); // prettier-ignore
    const last = good.length - 1;

    expect(await sendWith({ runId: "other" })).toMatch(/^3 INVALID_ARGUMENT: run_id: other is another run/);
    expect(await sendWith({ phase: "FETCHED" })).toMatch(/^3 .* phase: FETCHED is not delivered/);
    expect(await sendWith({ from: 77 })).toMatch(/^3 .* has no member 77/);
    expect(await sendWith({ from: 1 })).toMatch(/^3 .* from: 1 is this node itself/);
    expect(await sendWith({ view: 0 })).toMatch(/^9 FAILED_PRECONDITION: view 0 is over/);
    expect(await sendWith({ step: 2 })).toMatch(/^3 .* step: 2 is too far ahead, this is 0/);
    expect(await sendWith({}, vectors.slice(1))).toMatch(/^3 .* vector 0 is "loss" of 8 float32 values, expected "t"/);
    expect(await sendWith({}, withVector(2, { values: new Float32Array(3) }))).toMatch(/^3 .* vector 2 is .* of 3 float32/); // prettier-ignore
    expect(await sendWith({}, withVector(2, { bfloat16: true }))).toMatch(/^3 .* bfloat16 values, expected/);
    for (const bad of [NaN, Infinity, -Infinity]) {
      const values = vectors[2]!.values.slice().fill(bad, 5, 6);
      expect(await sendWith({}, withVector(2, { values }))).toMatch(/^3 .* value 5 of "sum\/2\/1" is not finite/);
    }
    expect(await send([])).toBe("OK, 0 answers");
    expect(await send(good.slice(1))).toMatch(/^3 .* a parcel begins with its header/);
    expect(await send(good.slice(0, last))).toMatch(/^3 .* it ends within "sum\/2\/1"/);
    expect(await send(withChunk(last, { vector: 9 }))).toMatch(/^3 .* a message is not the chunk at 0 of "sum/);
    expect(await send(withChunk(last, { offset: 16 }))).toMatch(/^3 .* a message is not the chunk at 0 of "sum/);
    expect(await send(withChunk(last, { crc32: 1 }))).toMatch(/^15 DATA_LOSS: .* is damaged/);
    const arrow = Buffer.from("not Arrow at all");
    expect(await send(withChunk(last, { arrow, crc32: crc32(arrow) }))).toMatch(
      /^3 .* 16 bytes are no Arrow stream of/,
    );
    expect(await send(withChunk(last, { arrow: Buffer.alloc(3e6) }))).toMatch(/^8 RESOURCE_EXHAUSTED: .* larger than max/); // prettier-ignore

    expect(node.state.step).toBe(0);
    expect(node.messages.some((text) => text.includes("was refused: run_id: other is another run"))).toBe(true);
    // What was refused leaves no trace: the right one is taken, once, whatever follows.
    expect(await send([...good, good[last]!])).toMatch(/^3 .* a parcel begins with its header/);
    expect(await sendWith({})).toMatch(/^6 ALREADY_EXISTS: REDUCE of step 0 from member 2 is here already/);
    expect(node.state.step).toBe(0);
  });

  it("is refused when what is asked for is not there", async () => {
    const node = startNode({ to: 3, world: 2, deadline: 60_000 });
    const { client, header } = await stranger(await node.endpoint);
    const fetch = (request: { runId?: string; what: "SUM" | "STATE" | "NOTHING"; step: number }) =>
      client.fetch({ runId: header.runId, ...request }, [], new AbortController().signal, () => {});
    await expect(fetch({ what: "STATE", step: 5 })).rejects.toThrow("step: 5 was asked for, this node is at 0");
    await expect(fetch({ what: "SUM", step: 0 })).rejects.toThrow("the sum of 0 was asked for");
    await expect(fetch({ what: "NOTHING", step: 0 })).rejects.toThrow("SUM or STATE");
    await expect(fetch({ runId: "x", what: "STATE", step: 0 })).rejects.toThrow("run_id: x is another run");
  });
});

describe("what strangers say", () => {
  it("comes into a log as one bounded line without control characters", async () => {
    const node = startNode({ to: 3, world: 2, deadline: 60_000 });
    const { sendWith } = await stranger(await node.endpoint);
    const answer = await sendWith({ runId: `\u001b[31mred\r\n\u202e${"x".repeat(1e5)}` });
    expect(answer).toMatch(/^3 INVALID_ARGUMENT: run_id: \ufffd\[31mred \ufffdxxx/);
    expect(answer.length).toBeLessThan(2100);
    const [line] = node.messages.filter((text) => text.includes("was refused"));
    expect(line).toContain("\ufffd[31mred \ufffdxxx");
    expect(line!.length).toBeLessThan(600);
  });

  it.each(["", "x", ":99999", ":0", "\n\u001b[31m:1", `${"x".repeat(400)}:1`])(
    "as address %j is refused",
    async (address) => {
      const node = startNode({ to: 3, world: 2, deadline: 60_000 });
      await expect(stranger(await node.endpoint, address)).rejects.toThrow(
        /^3 INVALID_ARGUMENT: address: .*is not of the form HOST:PORT/,
      );
      expect(node.messages.every((text) => !text.includes("has joined"))).toBe(true);
    },
  );
});

describe("a node that may not join", () => {
  it("of another configuration is told the field", async () => {
    const first = startNode({ to: 3, world: 2, group: { differences: () => ["optim.lr: 0.1 there, 0.2 here"] } });
    const other = startNode({ to: 3, join: await first.endpoint });
    const { error } = await other.ended;
    expect(error).toBeInstanceOf(UsageError);
    expect(error?.message).toContain("refused: this is another run: optim.lr: 0.1 there, 0.2 here");
    expect(first.messages.some((text) => text.includes("was refused: this is another run"))).toBe(true);
  });

  it("beyond the number of shards is refused by name", async () => {
    const first = startNode({ to: 1000, shards: 2, world: 2 });
    const join = await first.endpoint;
    startNode({ to: 1000, shards: 2, join });
    const third = startNode({ to: 1000, shards: 2, join, deadline: 1500 });
    expect((await third.ended).error?.message).toMatch(/training\.shards: 2 shards are for at most 2 nodes/);
    expect(() => startNode({ to: 1, shards: 2, world: 3 })).toThrow("--world 3: training.shards is 2");
  });

  it("with a rank that another has, or at a node that does not coordinate, is told so", async () => {
    const first = startNode({ to: 1000, world: 2, deadline: 2000 });
    const join = await first.endpoint;
    const second = startNode({ to: 1000, join, rank: 3 });
    const peer = await second.endpoint;
    const same = startNode({ to: 1000, join, rank: 3, deadline: 1500 });
    expect((await same.ended).error?.message).toMatch(/rank 3 is taken by 127\.0\.0\.1:\d+\n {2}remedy: give another/);
    const lost = startNode({ to: 1000, join: { host: "127.0.0.1", port: Number(/(\d+)$/.exec(second.messages[0]!)![1]) } }); // prettier-ignore
    expect((await lost.ended).error?.message).toMatch(/does not coordinate; --join 127\.0\.0\.1:/);
    expect(peer.port).toBeGreaterThan(0);
  });

  it("gives up where nobody listens, after its deadline", async () => {
    const node = startNode({ to: 3, join: { host: "127.0.0.1", port: 1 }, deadline: 300 });
    expect((await node.ended).error?.message).toMatch(/no node answers there .*\n {2}remedy: start one with --listen/);
  });
});

describe("security", () => {
  it("takes in who has the token and a certificate, and logs who has not", async () => {
    const { key, cert } = selfSigned();
    const security = { tls: { key, cert, clientCa: cert }, token: "secret" };
    const client = { tls: { ca: cert, own: { key, cert } }, token: "secret" };
    const first = startNode({ to: 3, world: 2, targets: { security, securityOf: () => client } });
    const join = await first.endpoint;
    const guess = { ...client, token: "guess" };
    const bad = startNode({ to: 3, join, targets: { security, securityOf: () => guess } });
    expect((await bad.ended).error?.message).toMatch(
      /the node requires another token\n {2}remedy: give the run's token/,
    );
    expect(first.messages.some((text) => text.includes("was refused /scorestream.v1.Exchange/Attend: it has no valid token"))).toBe(true); // prettier-ignore
    const bare = { tls: { ca: cert }, token: "secret" };
    const nameless = startNode({ to: 3, join, deadline: 400, targets: { security, securityOf: () => bare } });
    expect((await nameless.ended).error?.message).toContain("no node answers there");
    expect(first.messages.some((text) => /^the TLS handshake with 127\.0\.0\.1:\d+ failed: it showed no certificate/.test(text))).toBe(true); // prettier-ignore
    const second = startNode({ to: 3, join, targets: { security, securityOf: () => client } });
    for (const node of [first, second]) expect((await node.ended).digest).toBe((await aloneTo(3)).digest);
  });

  it("logs a certificate that the authority has not signed", async () => {
    const [{ key, cert }, other] = [selfSigned(), selfSigned()];
    const first = startNode({ to: 3, world: 2, targets: { security: { tls: { key, cert, clientCa: cert } } } });
    const stolen = { tls: { ca: cert, own: other } };
    const node = startNode({ to: 3, join: await first.endpoint, deadline: 400, targets: { securityOf: () => stolen } });
    expect((await node.ended).error?.message).toContain("no node answers there");
    const line =
      /TLS handshake with 127\.0\.0\.1:\d+ failed: its certificate is not accepted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/;
    expect(first.messages.some((text) => line.test(text))).toBe(true);
  });

  it("serves health beside the exchange, with the token and without", async () => {
    const node = startNode({ to: 3, world: 2, targets: { security: { token: "secret" } } });
    const health = loadSync(protoPath, { enums: String, defaults: true });
    const request = health["grpc.health.v1.HealthCheckRequest"] as MessageTypeDefinition<object, object>;
    const response = health["grpc.health.v1.HealthCheckResponse"] as MessageTypeDefinition<object, { status: string }>;
    const client = new Client(endpointText(await node.endpoint), credentials.createInsecure());
    onTestFinished(() => client.close());
    const check = (metadata: Metadata) =>
      new Promise((resolve) => {
        const reply = (error: ServiceError | null, value?: { status: string }) => resolve(error?.code ?? value?.status);
        client.makeUnaryRequest("/grpc.health.v1.Health/Check", request.serialize, response.deserialize, { service: "scorestream.v1.Exchange" }, metadata, reply); // prettier-ignore
      });
    const holder = new Metadata();
    holder.set("authorization", "Bearer secret");
    expect(await check(holder)).toBe("SERVING");
    expect(await check(new Metadata())).toBe("SERVING");
  });
});
