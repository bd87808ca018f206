import { EventEmitter, getEventListeners } from "node:events";
import { truncateSync } from "node:fs";
import { connect } from "node:http2";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { readLayout } from "../../../src/data/prepare/shard-layout.ts";
import { endpointText, type Endpoint } from "../../../src/grpc/endpoint.ts";
import { FlightError, type FlightClient } from "../../../src/grpc/flight/client.ts";
import { flightService } from "../../../src/grpc/flight/definition.ts";
import { flightHandlers } from "../../../src/grpc/flight/service.ts";
import { rangeBytes } from "../../../src/grpc/flight/row-range.ts";
import { flightRows, ticketRows, type WantedRows } from "../../../src/grpc/flight/rows.ts";
import { valuesOf } from "../../data/prepare/fixture.ts";
import { selfSigned, until } from "../fixture.ts";
import { endless, flightClient, flightServer, PATH, prepared } from "./fixture.ts";

/** Everything of a stream, joined. */
async function read(client: FlightClient, wanted: WantedRows = PATH) {
  const batches = [];
  for await (const rows of flightRows(client, wanted)) batches.push(rows);
  return {
    firsts: batches.map(({ first }) => first),
    shapes: new Set(batches.map(({ shape }) => JSON.stringify(shape))),
    images: batches.flatMap(({ images }) => Array.from(images)),
    labels: batches.flatMap(({ labels }) => (labels ? Array.from(labels) : [])),
  };
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
const whole = { ticket: rangeBytes({ path: PATH, first: 0 }) };

describe("rows of a server", () => {
  it("are those of the shards, in their order, a ticket for each shard", async () => {
    const server = await flightServer([await prepared({ length: 10 })]);
    const client = flightClient(server);
    const all = await read(client);
    expect(all).toEqual({
      firsts: [0, 4, 8],
      shapes: new Set(["[4,5,3]"]),
      images: valuesOf(range(0, 10)),
      labels: range(0, 10).map((i) => i % 4),
    });
  });

  it.each([
    [0, 10],
    [0, 1],
    [3, 2],
    [3, 6],
    [9, 1],
    [4, 4],
    [10, 0],
    [5, undefined],
  ])("from %i on, %s of them: the range that was asked for, across shards", async (first, count) => {
    const server = await flightServer([await prepared({ length: 10 })]);
    const { images, labels } = await read(flightClient(server), { path: PATH, first, count });
    const wanted = range(first, count ?? 10 - first);
    expect(images).toEqual(valuesOf(wanted));
    expect(labels).toEqual(wanted.map((i) => i % 4));
  });

  it("come without labels where there are none, and in messages of 512 KiB at most, an image at least", async () => {
    const large = await prepared({ length: 3, shape: [450, 450, 3], labelled: false, perShard: 2 });
    const client = flightClient(await flightServer([large]));
    expect(await read(client)).toMatchObject({ firsts: [0, 1, 2], labels: [] });
    const small = flightClient(await flightServer([], { catalog: endless(300, () => {}) }));
    expect((await read(small)).firsts).toEqual([0, 127, 254]);
  });

  it("hold nothing of the server's memory between the columns", async () => {
    const dirty = vi.spyOn(Buffer, "allocUnsafeSlow").mockImplementation((size) => Buffer.alloc(size, 0xaa));
    onTestFinished(() => dirty.mockRestore());
    const client = flightClient(await flightServer([await prepared({ length: 1, shape: [1, 1, 3] })]));
    const bodies: number[][] = [];
    for await (const { dataBody } of client.get(whole)) bodies.push(Array.from(dataBody));
    expect(bodies).toEqual([[], [0, 7, 14, ...Array<number>(13).fill(0)]]);
  });
});

describe("what is asked for wrongly", () => {
  it.each<[string, string, keyof typeof status, RegExp]>([
    ["no JSON", "train", "INVALID_ARGUMENT", /ticket "train": it is no JSON/],
    ["no path", "{}", "INVALID_ARGUMENT", /path/],
    ["another key", '{"path":["made","train"],"last":3}', "INVALID_ARGUMENT", /last/],
    ["a negative row", '{"path":["made","train"],"first":-1}', "INVALID_ARGUMENT", /first/],
    ["half a row", '{"path":["made","train"],"count":0.5}', "INVALID_ARGUMENT", /count/],
    ["rows behind the end", '{"path":["made","train"],"first":3,"count":3}', "INVALID_ARGUMENT", /made\/train: rows 3 to 6 are out of range, it has 5/], // prettier-ignore
    ["a row behind the end", '{"path":["made","train"],"first":6}', "INVALID_ARGUMENT", /rows from 6 on are out of range/], // prettier-ignore
    ["another split", '{"path":["made","test"]}', "NOT_FOUND", /no data "made\/test"; there are made\/train/],
    ["a way out of the folder", '{"path":["..","..","etc"]}', "NOT_FOUND", /no data "..\/..\/etc"/],
  ])("%s", async (_, ticket, code, message) => {
    const client = flightClient(await flightServer([await prepared({ length: 5 })]));
    const asked = ticketRows(client, { ticket: Buffer.from(ticket) }).next();
    await expect(asked).rejects.toMatchObject({
      code: status[code],
      message: expect.stringMatching(message) as string,
    });
  });

  it("a descriptor of another path or of no kind", async () => {
    const client = flightClient(await flightServer([await prepared({ length: 5 })]));
    await expect(client.info(["other"])).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(client.schema(["other"])).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(client.infoOf(Buffer.from("SELECT 1"))).rejects.toThrow('command "SELECT 1": it is no JSON');
    await expect(client.action("drop", Buffer.alloc(0))).rejects.toThrow('no action "drop"; there is manifest');
    expect(await client.list("other")).toEqual([]);
    expect(await client.list("made/train")).toHaveLength(1);
    expect((await client.actions()).map(({ type }) => type)).toEqual(["manifest"]);
  });

  it("a request larger than any ticket", async () => {
    const client = flightClient(await flightServer([await prepared({ length: 5 })]));
    await expect(client.infoOf(Buffer.alloc(100_000, "x"))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it("data that the disk no longer has end the stream; only the server learns where they were", async () => {
    const folder = await prepared({ length: 10 });
    const server = await flightServer([folder]);
    const shard = join(folder, "shard-00001.arrow");
    truncateSync(shard, readLayout(shard).images + 100);
    const reading = read(flightClient(server));
    await expect(reading).rejects.toMatchObject({ code: status.DATA_LOSS });
    await expect(reading).rejects.not.toThrow(folder);
    expect(server.told.join("\n")).toMatch(/DoGet: .*shard-00001\.arrow is damaged/);
  });
});

/** A reader on bare HTTP/2, which reads nothing until told to: gRPC clients read ahead. */
function rawReader({ endpoint }: { endpoint: Endpoint }) {
  const session = connect(`http://${endpointText(endpoint)}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": flightService.DoGet.path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.pause();
  const request = flightService.DoGet.requestSerialize(whole);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(request.length, 1);
  stream.end(Buffer.concat([prefix, request]));
  let bytes = 0;
  return {
    read: () => void stream.on("data", (chunk: Buffer) => (bytes += chunk.length)).resume(),
    bytes: () => bytes,
  };
}

/** Resolves once `value` has been the same over 20 looks. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1, same = 0; same < 20; same = value() === last ? same + 1 : 0) {
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return value();
}

describe("readers that are slow or go away", () => {
  const length = 100_000;

  it("have few messages waiting for them, and get all once they read", async () => {
    let reads = 0;
    const server = await flightServer([], { catalog: endless(10_000, () => reads++) });
    const reader = rawReader(server);
    await until(() => reads > 0);
    // 79 messages in all; 16 in the queue of the call, one being sent.
    expect(await settled(() => reads)).toBeLessThan(20);
    reader.read();
    await until(() => reads === 79);
    await until(() => reader.bytes() > 10_000 * 4096);
  });

  it("slow loops of our client hold the server back too", async () => {
    let reads = 0;
    const server = await flightServer([], { catalog: endless(length, () => reads++) });
    const rows = flightRows(flightClient(server), PATH);
    await rows.next();
    // 788 messages in all.
    expect(await settled(() => reads)).toBeLessThan(100);
    await rows.return();
  });

  it("end the reading when they leave early or are stopped, and give their place back", async () => {
    let reads = 0;
    const server = await flightServer([], { catalog: endless(length, () => reads++), maxStreams: 1 });
    const client = flightClient(server);
    for await (const { first } of flightRows(client, PATH)) if (first > 0) break;
    const stop = new AbortController();
    const free = async () => {
      for (;;) {
        const rows = ticketRows(client, whole, stop.signal);
        try {
          await rows.next();
          return rows;
        } catch (error) {
          if ((error as FlightError).code !== status.RESOURCE_EXHAUSTED) throw error;
        }
      }
    };
    const rows = await free();
    await expect(ticketRows(client, whole).next()).rejects.toThrow("RESOURCE_EXHAUSTED: 1 streams are being read");
    stop.abort();
    const rest = async () => {
      while (!(await rows.next()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: status.CANCELLED });
    await expect(ticketRows(client, whole, stop.signal).next()).rejects.toMatchObject({ code: status.CANCELLED });
    expect(await settled(() => reads)).toBeLessThan(300);
    expect(server.told).toEqual([]);
  });

  it("leave no listener on the signal that could have stopped them", async () => {
    const client = flightClient(await flightServer([await prepared({ length: 5 })]));
    const { signal } = new AbortController();
    const rows = ticketRows(client, whole, signal);
    await rows.next();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    while (!(await rows.next()).done);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("end the reading of a server at once when they go away while it waits for room", async () => {
    let reads = 0;
    const handlers = flightHandlers({ catalog: endless(length, () => reads++), maxStreams: 1, tell: () => {} });
    const written: unknown[] = [];
    const start = () => {
      const write = (message: unknown) => written.push(message) < 2;
      const call = Object.assign(new EventEmitter(), { request: whole, write, end: () => {} });
      call.on("error", (error: Error) => written.push(error.message));
      (handlers["DoGet"] as unknown as (call: EventEmitter) => void)(call);
      return call;
    };
    const turn = () => new Promise(setImmediate);
    const call = start();
    await turn();
    expect([written.length, reads]).toEqual([2, 1]);
    call.emit("cancelled");
    await turn();
    expect([written.length, reads]).toEqual([2, 1]);
    call.emit("finish");
    // Its place was given back, once.
    start();
    start();
    await turn();
    const busy = "RESOURCE_EXHAUSTED: 1 streams are being read, try again later";
    expect(written.filter((one) => typeof one === "string")).toEqual([busy]);
  });

  it("leave nothing behind, whichever ends first", async () => {
    const handles = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith("TCP")).length;
    // Connections of tests before may still be closing.
    const before = await settled(handles);
    for (const serverFirst of [true, false]) {
      const server = await flightServer([], { catalog: endless(length, () => {}) });
      const client = flightClient(server);
      const rows = flightRows(client, PATH);
      await rows.next();
      expect(handles()).toBeGreaterThan(before);
      if (serverFirst) {
        await server.close();
        const rest = async () => {
          while (!(await rows.next()).done);
        };
        await expect(rest()).rejects.toBeInstanceOf(FlightError);
      } else await rows.return();
      client.close();
      await server.close();
      await until(() => handles() <= before);
    }
  });
});

it("a server with TLS and a token gives nothing without, neither rows nor names", async () => {
  const { cert, key } = selfSigned();
  const security = { tls: { cert, key }, token: "secret" };
  const server = await flightServer([await prepared({ length: 5 })], { security });
  const tls = { ca: cert };
  expect((await read(flightClient(server, { tls, token: "secret" }))).labels).toEqual([0, 1, 2, 3, 0]);
  for (const token of ["guess", undefined]) {
    const client = flightClient(server, { tls, ...(token && { token }) });
    await expect(client.list()).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await expect(ticketRows(client, whole).next()).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await expect(client.action("manifest", whole.ticket)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  }
  await expect(flightClient(server, { token: "secret" }).list()).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(server.told[0]).toMatch(/was refused \/arrow\.flight\.protocol\.FlightService\/ListFlights/);
});
