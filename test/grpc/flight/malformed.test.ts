import { status, type ServerWritableStream, type UntypedServiceImplementation } from "@grpc/grpc-js";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { readArrowMessage, unwrapMessage } from "../../../src/data/formats/arrow-message.ts";
import {
  FLIGHT_PROTO,
  FLIGHT_SERVICE,
  flightService,
  type FlightData,
  type FlightInfo,
} from "../../../src/grpc/flight/definition.ts";
import { FlatTable } from "../../../src/data/formats/flat-table.ts";
import { imageColumns, imageRows } from "../../../src/grpc/flight/image-columns.ts";
import { imageStream } from "../../../src/grpc/flight/image-stream.ts";
import { rowMessages } from "../../../src/grpc/flight/row-messages.ts";
import { flightRows } from "../../../src/grpc/flight/rows.ts";
import { startServer } from "../../../src/grpc/server.ts";
import { LOCAL } from "../fixture.ts";
import { flightClient, flightServer, PATH, prepared } from "./fixture.ts";

/** The messages of three labelled images, as our server sends them. */
async function sound(): Promise<FlightData[]> {
  const { catalog } = await flightServer([await prepared({ length: 3 })]);
  return [...rowMessages(catalog.find(PATH), 0, 3)].map((wire) => flightService.DoGet.responseDeserialize(wire));
}

/** Reads what a server sends that gives exactly these messages. */
async function readFrom(messages: readonly FlightData[], info: Partial<FlightInfo> = {}) {
  const schema = imageStream([4, 5, 3], true).schema;
  const endpoint = [{ ticket: { ticket: Buffer.from("x") }, location: [] }];
  const flight = { schema, endpoint, totalRecords: 3, totalBytes: -1, ordered: true, flightDescriptor: null, ...info };
  const handlers = {
    GetFlightInfo: (_: unknown, reply: (error: null, info: FlightInfo) => void) => reply(null, flight),
    DoGet(call: ServerWritableStream<unknown, FlightData>) {
      for (const message of messages) call.write(message);
      call.end();
    },
  } as unknown as UntypedServiceImplementation;
  const served = { name: FLIGHT_SERVICE, proto: FLIGHT_PROTO, service: flightService, handlers };
  const server = await startServer(served, { option: "--listen", endpoint: LOCAL, security: {}, tell: () => {} });
  onTestFinished(() => server.close(0));
  const counts: number[] = [];
  for await (const { count } of flightRows(flightClient(server), PATH)) counts.push(count);
  return counts;
}

/** A copy of a header in which 64-bit numbers that are `from` are `to`. */
function withLong(header: Uint8Array, from: number, to: number): Uint8Array {
  const copy = Buffer.from(header);
  for (let at = 0; at + 8 <= copy.length; at += 8) {
    if (copy.readBigInt64LE(at) === BigInt(from)) copy.writeBigInt64LE(BigInt(to), at);
  }
  return copy;
}

type Change = (messages: readonly [FlightData, FlightData]) => FlightData[];

const changes: [string, Change, string][] = [
  ["no schema", ([, batch]) => [batch], "message 1 of the stream: it is a record batch, a schema should come first"],
  ["nothing", () => [], "the stream ended without a schema"],
  ["a second schema", ([schema]) => [schema, schema], "message 2 of the stream: a second schema"],
  [
    "a header of noise",
    ([schema, batch]) => [schema, { ...batch, dataHeader: Buffer.from("no flatbuffer at all") }],
    "message 2 of the stream: its header is no sound Arrow message",
  ],
  [
    "half a header",
    ([schema, batch]) => [schema, { ...batch, dataHeader: batch.dataHeader.subarray(0, 60) }],
    "message 2 of the stream: its header is no sound Arrow message",
  ],
  [
    "no header",
    ([schema, batch]) => [schema, { ...batch, dataHeader: Buffer.alloc(0) }],
    "message 2 of the stream: its header is no sound Arrow message",
  ],
  [
    "a body cut short",
    ([schema, batch]) => [schema, { ...batch, dataBody: batch.dataBody.subarray(0, 199) }],
    "message 2 of the stream: its body has 199 bytes, its header says 200",
  ],
  [
    "a body too long",
    ([schema, batch]) => [schema, { ...batch, dataBody: Buffer.alloc(201) }],
    "its body has 201 bytes, its header says 200",
  ],
  [
    "more rows than there are",
    ([schema, batch]) => [schema, { ...batch, dataHeader: withLong(batch.dataHeader, 3, 4) }],
    'column "image" has 180 values and 0 nulls, expected 4 x 60 and none',
  ],
  [
    "a column outside of the body",
    ([schema, batch]) => [schema, { ...batch, dataHeader: withLong(batch.dataHeader, 184, 196) }],
    'column "label" needs 12 bytes, it has 16 at 196 of a body of 200',
  ],
  ["too few rows", ([schema]) => [schema], "0 rows came, 3 were promised"],
  ["too many rows", ([schema, batch]) => [schema, batch, batch], "6 rows came, 3 were promised"],
];

describe("what a server sends", () => {
  it("is read when it is sound, also with messages of metadata between", async () => {
    const [schema, batch] = (await sound()) as [FlightData, FlightData];
    const empty = { dataHeader: Buffer.alloc(0), dataBody: Buffer.alloc(0) };
    expect(await readFrom([schema, empty, batch])).toEqual([3]);
  });

  it.each(changes)("is refused by name: %s", async (_, change, message) => {
    const reading = readFrom(change((await sound()) as [FlightData, FlightData]));
    await expect(reading).rejects.toMatchObject({ code: status.DATA_LOSS });
    await expect(reading).rejects.toThrow(message);
  });

  it("is refused when the stream has other images than the flight", async () => {
    const { schema } = imageStream([8, 8, 3], true);
    await expect(readFrom(await sound(), { schema })).rejects.toThrow(
      "the stream has images of 60 values, its flight 192",
    );
    await expect(readFrom(await sound(), { schema: Buffer.from("none") })).rejects.toThrow(
      "the schema of the flight: it is no encapsulated Arrow message",
    );
  });

  it("with any bytes changed gives rows of the right size, or a RangeError, and never more work", async () => {
    const [schema, batch] = (await sound()) as [FlightData, FlightData];
    const read = (schemaHeader: Uint8Array, batchHeader: Uint8Array) => {
      const columns = readArrowMessage(schemaHeader);
      const message = readArrowMessage(batchHeader);
      if (columns.kind !== "schema" || message.kind !== "batch") throw new RangeError("of another kind");
      return imageRows(imageColumns(columns), message, batch.dataBody);
    };
    const change = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const changed = (bytes: Uint8Array, list: [number, number][]) => {
      const copy = Uint8Array.from(bytes);
      for (const [at, value] of list) copy[at % copy.length] = value;
      return copy;
    };
    let refused = 0;
    fc.assert(
      fc.property(change, change, (first, second) => {
        try {
          const { count, images, labels } = read(changed(schema.dataHeader, first), changed(batch.dataHeader, second));
          expect(images.length).toBeLessThanOrEqual(batch.dataBody.length);
          expect(labels?.length ?? count).toBe(count);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          refused++;
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
    expect(refused).toBeGreaterThan(500);
    expect(() => unwrapMessage(new Uint8Array(3))).toThrow(RangeError);
  });

  it("with a list longer than any table has columns is refused before the list is followed", () => {
    // A root at 12, its places at 4: place 0 leads to a list at 20, of 5000.
    const bytes = Buffer.alloc(20_100);
    [12, 0x0008_0006, 4, 8, 4, 70_000].forEach((value, i) => bytes.writeUInt32LE(value, 4 * i));
    const root = FlatTable.root(bytes);
    expect(() => root.tables(0)).toThrow("a list of 70000 is longer than 65536");
    bytes.writeUInt32LE(3, 20);
    expect(root.tables(0)).toHaveLength(3);
  });
});
