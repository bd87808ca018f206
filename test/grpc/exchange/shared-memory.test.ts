import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { pieceSize } from "../../../src/data/formats/vector-ipc.ts";
import { Arriving } from "../../../src/grpc/exchange/arriving.ts";
import { exchangeService } from "../../../src/grpc/exchange/definition.ts";
import type { ParcelMessage } from "../../../src/exchange/messages.ts";
import { CHUNK, parcel, readHeader, readVectors, sharedSize, type Vector } from "../../../src/grpc/exchange/parcel.ts";
import { PeerMemory, SharedMemory, type Lane } from "../../../src/grpc/exchange/shared-memory.ts";
import { aloneTo, startNode } from "./fixture.ts";
import { stranger } from "./stranger.ts";

const floats = (n: number, start = 0) => Float32Array.from({ length: n }, (_, i) => start + i / 8);

function open(): SharedMemory {
  const memory = SharedMemory.open();
  onTestFinished(() => memory.close());
  return memory;
}

function read({ place }: Lane, at: number, length: number) {
  const peer = PeerMemory.open(place);
  onTestFinished(() => peer.close());
  return peer.read(at, new Float32Array(length));
}

describe("shared memory", () => {
  it("gives what was written", () => {
    const lane = open().lane(100_000);
    const [a, b] = [lane.write(floats(1000))!, lane.write(floats(77, 5))!];
    expect(read(lane, a, 1000)).toEqual(floats(1000));
    expect(read(lane, b, 77)).toEqual(floats(77, 5));
    expect(() => read(lane, a, 77)).toThrow("are no Arrow stream of 77 float32 values");
    expect(() => read(lane, b, 100_000)).toThrow(/the shared memory has not \d+ bytes at/);
    expect(() => read(lane, 2 ** 53, 77)).toThrow("the shared memory has not");
  });

  it("uses a room again once it was given back, not before", () => {
    const memory = open();
    const first = memory.lane(5000);
    const at = first.write(floats(10))!;
    const second = memory.lane(5000).write(floats(10))!;
    expect(second).toBeGreaterThanOrEqual(at + 5000);
    first.give();
    expect(memory.lane(5000).write(floats(10))).toBe(at);
  });

  it("stays as it is for who reads it when its owner has closed it", () => {
    const memory = SharedMemory.open();
    const lane = memory.lane(5000);
    const at = lane.write(floats(10))!;
    const peer = PeerMemory.open(lane.place);
    onTestFinished(() => peer.close());
    memory.close();
    // Nor is there room in it any more.
    expect(lane.write(floats(10))).toBeUndefined();
    const other = open();
    other.lane(5000).write(floats(10).fill(7));
    expect(peer.read(at, new Float32Array(10))).toEqual(floats(10));
  });

  it("grows, also for who reads it already", () => {
    const memory = open();
    const small = memory.lane(5000);
    const peer = PeerMemory.open(small.place);
    onTestFinished(() => peer.close());
    const [a, values] = [small.write(floats(10))!, floats(2 ** 20)];
    const size = pieceSize("float32", values.length);
    const b = memory.lane(size).write(values)!;
    expect(peer.read(a, new Float32Array(10))).toEqual(floats(10));
    const read = peer.read(b, new Float32Array(values.length));
    expect(Buffer.from(read.buffer).equals(Buffer.from(values.buffer))).toBe(true);
  });

  it("never shrinks, not even by who made it", () => {
    const { place } = open().lane(5000);
    expect(() => ftruncateSync(place.fd, 100)).toThrow("EPERM");
  });

  it("gives no more room than there is", () => {
    const lane = open().lane(5000);
    expect(lane.write(floats(2000))).toBeUndefined();
    const at = lane.write(floats(10))!;
    expect(read(lane, at, 10)).toEqual(floats(10));
    const lost = SharedMemory.open();
    closeSync(lost.lane(100).place.fd);
    expect(() => lost.lane(5000)).toThrow("fallocate: Bad file descriptor");
  });

  it("is not written to after it was closed", () => {
    const memory = SharedMemory.open();
    const lane = memory.lane(100);
    memory.close();
    const other = openSync("/dev/null", "w");
    onTestFinished(() => closeSync(other));
    expect(other).toBe(lane.place.fd);
    expect(lane.write(floats(3))).toBeUndefined();
  });

  it("of another process ends with it, and only such memory is opened", () => {
    const { place } = open().lane(100);
    const folder = mkdtempSync(join(tmpdir(), "scorestream-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const at = (path: string) => {
      const fd = openSync(path, "r+");
      onTestFinished(() => closeSync(fd));
      return { ...place, fd };
    };
    writeFileSync(join(folder, "file"), "another's file of enough bytes");
    execFileSync("mkfifo", [join(folder, "pipe")]);
    for (const path of [join(folder, "file"), join(folder, "pipe"), "/dev/null"]) {
      expect(() => PeerMemory.open(at(path)), path).toThrow(/is no shared memory/);
    }
    // Without a name too, but it could shrink, and who reads it would be killed.
    const other = at(join(folder, "file"));
    unlinkSync(join(folder, "file"));
    expect(() => PeerMemory.open(other)).toThrow("the file could shrink");
    expect(() => PeerMemory.open({ ...place, token: Buffer.alloc(16) })).toThrow("is another's");
    expect(() => PeerMemory.open({ ...place, token: new Uint8Array() })).toThrow("is another's");
    expect(() => PeerMemory.open({ ...place, fd: 2 ** 32 - 1 })).toThrow("ENOENT");
    expect(() => PeerMemory.open({ ...place, pid: 0 })).toThrow("ENOENT");
    const peer = PeerMemory.open(place);
    peer.close();
    expect(() => peer.read(0, new Float32Array(1))).toThrow("the shared memory was closed");
  });
});

describe("a parcel in shared memory", () => {
  const { requestSerialize, requestDeserialize } = exchangeService.Deliver;
  const header = { runId: "run", view: 1, step: 2, from: 3, phase: "REDUCE" as const };
  const vector = (name: string, values: Float32Array, bfloat16 = false): Vector => ({ name, values, bfloat16 });
  const vectors = [
    vector("t", floats(8)),
    vector("sum", floats(6 * CHUNK + 5)),
    vector("rounded", Float32Array.of(1.5, -2, 0), true),
  ];

  async function sent(lane: Lane) {
    const messages: ParcelMessage[] = [];
    for await (const message of parcel(header, vectors, lane)) {
      messages.push(requestDeserialize(Buffer.from(requestSerialize(message as ParcelMessage))));
    }
    return messages;
  }

  async function received(messages: readonly ParcelMessage[], leave = () => false) {
    const rest = messages[Symbol.iterator]();
    const next = { next: async () => rest.next() as IteratorResult<ParcelMessage> };
    const { shared, pieces, vectors: about } = (await readHeader(next))!;
    const memory = PeerMemory.open(shared!);
    onTestFinished(() => memory.close());
    const chunks: number[][] = [];
    const read = await readVectors(next, about, { memory, pieces, leave, onChunk: (...chunk) => chunks.push(chunk) });
    return { read, chunks };
  }

  /** `toEqual` would take seconds. */
  const expectSame = (read: readonly Float32Array[]) =>
    vectors.forEach(({ values }, i) => expect(Buffer.from(values.buffer).equals(Buffer.from(read[i]!.buffer))).toBe(true)); // prettier-ignore
  const laneOf = () => open().lane(sharedSize(vectors));

  it("comes over, few messages for many pieces", async () => {
    const messages = await sent(laneOf());
    expect(messages.map(({ header, shared }) => (header?.pieces ?? shared)?.pieces)).toEqual([4, 4, 1]);
    const { read, chunks } = await received(messages);
    expectSame(read);
    const steps = [1, 2, 3, 4, 5, 6].map((n) => n * CHUNK);
    expect(chunks).toEqual([[0, 8], ...[...steps, 6 * CHUNK + 5].map((there) => [1, there]), [2, 3]]);
  });

  it("stays where it is if asked to, as long as somebody reads it", async () => {
    const messages = await sent(laneOf());
    const rest = messages[Symbol.iterator]();
    const next = { next: async () => rest.next() as IteratorResult<ParcelMessage> };
    const { shared, pieces, vectors: about } = (await readHeader(next))!;
    const memory = PeerMemory.open(shared!);
    onTestFinished(() => memory.close());
    const into = about.map(({ length }) => new Float32Array(length).fill(7));
    const arriving = new Arriving(into, memory);
    const leave = (vector: number, offset: number, at: number) => {
      if (vector > 0) arriving.leave(vector, offset, at);
      return vector > 0;
    };
    await readVectors(next, about, { into, memory, pieces, leave });
    expect(into[0]).toEqual(vectors[0]!.values);
    expect(into[1]!.every((value) => value === 7)).toBe(true);
    // What is rounded is no float32 there.
    expect(into[2]).toEqual(vectors[2]!.values);
    const { values } = vectors[1]!;
    for (let first = 0; first < values.length; first += CHUNK) {
      const piece = { first, end: Math.min(first + CHUNK, values.length) };
      const same = Buffer.from(values.slice(piece.first, piece.end).buffer);
      expect(same.equals(Buffer.from(arriving.piece(1, piece).slice().buffer))).toBe(true);
    }
    let given = false;
    const read = arriving.read().then(() => (given = true));
    await setImmediate();
    expect(given).toBe(false);
    arriving.release();
    await read;
    await new Arriving(into).read();
  });

  it("is checked where it is", async () => {
    vectors[1]!.values[CHUNK + 7] = Infinity;
    onTestFinished(() => void (vectors[1]!.values[CHUNK + 7] = 0));
    const messages = await sent(laneOf());
    expect(await received(messages, () => true).then(() => "OK", (error: Error) => error.message)).toMatch(`value ${CHUNK + 7} of "sum" is not finite`); // prettier-ignore
  });

  it("goes on in messages where memory ends", async () => {
    const lane = laneOf();
    let pieces = 0;
    const messages = await sent({ ...lane, write: (piece) => (pieces++ < 2 ? lane.write(piece) : undefined) });
    expect(messages.map(({ header, chunk }) => header?.pieces?.pieces ?? chunk!.offset)).toEqual([2, ...[1, 2, 3, 4, 5, 6].map((n) => n * CHUNK), 0]); // prettier-ignore
    expectSame((await received(messages)).read);
  });

  it("is refused when it is not what was to come", async () => {
    const messages = await sent(laneOf());
    const [first, ...rest] = messages;
    const withHeader = (over: object) => [{ header: { ...first!.header!, pieces: { ...first!.header!.pieces!, ...over } } }, ...rest]; // prettier-ignore
    const withShared = (index: number, over: object) => messages.map((message, i) => (i === index ? { shared: { ...message.shared!, ...over } } : message)); // prettier-ignore
    const refusal = (all: readonly ParcelMessage[]) => received(all).then(() => "OK", (error: Error) => error.message); // prettier-ignore
    expect(await refusal(withHeader({ pieces: 0 }))).toMatch('not the chunk at 0 of "t"');
    expect(await refusal([{ header: { ...first!.header!, pieces: null } }, ...rest])).toMatch(
      'not the chunk at 0 of "t"',
    );
    expect(await refusal(withShared(1, { pieces: 3 }))).toMatch("a message is not the chunk at");
    expect(await refusal(withShared(2, { pieces: 2 }))).toMatch("it goes on after its last vector");
    expect(await refusal(withShared(1, { vector: 2 }))).toMatch("a message is not the chunk at");
    expect(await refusal(withShared(1, { at: 8 }))).toMatch(/a chunk of "sum": \d+ bytes are no Arrow stream/);
    expect(await refusal(withShared(1, { at: 2 ** 60 }))).toMatch('a chunk of "sum": the shared memory has not');
    expect(await refusal(messages.slice(0, -1))).toMatch('it ends within "rounded"');
    vectors[1]!.values[CHUNK + 7] = NaN;
    onTestFinished(() => void (vectors[1]!.values[CHUNK + 7] = 0));
    expect(await refusal(await sent(laneOf()))).toMatch(`value ${CHUNK + 7} of "sum" is not finite`);
  });
});

describe("nodes of one machine", () => {
  it("come to the same without reading each other's memory, and say what that costs", async () => {
    const refused = vi.spyOn(PeerMemory, "open").mockImplementation(() => {
      throw new Error("EACCES: permission denied");
    });
    onTestFinished(() => refused.mockRestore());
    const first = startNode({ to: 4, world: 2 });
    const second = startNode({ to: 4, join: await first.endpoint });
    const { digest } = await aloneTo(4);
    expect(await Promise.all([first.ended, second.ended])).toEqual([{ digest }, { digest }]);
    for (const { messages } of [first, second]) {
      const told = messages.filter((text) => text.includes("cannot read this one's memory"));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch("(shared: EACCES: permission denied): gradients go through gRPC within this machine too");
    }
  });

  it("refuse pieces that the header says nothing of", async () => {
    const node = startNode({ to: 3, world: 2, deadline: 60_000 });
    const { header, vectors, send } = await stranger(await node.endpoint);
    const about = vectors.map(({ name, values, bfloat16 }) => ({ name, length: values.length, bfloat16 }));
    const shared = { vector: 0, offset: 0, at: 4096, pieces: 3 };
    expect(await send([{ header: { ...header, vectors: about } }, { shared }])).toMatch(/^3 .* of which the header does not tell/); // prettier-ignore
    const place = { pid: process.pid, fd: 0, token: Buffer.alloc(16) };
    expect(await send([{ header: { ...header, vectors: about, shared: place } }, { shared }])).toMatch(/^12 UNIMPLEMENTED: shared: /); // prettier-ignore
  });
});
