/** What a Flight server says of its rows, and what is read of a stranger's, without a network. */
import { status } from "@grpc/grpc-js";
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import {
  FIXED_SIZE_LIST,
  INT,
  readArrowMessage,
  unwrapMessage,
  type BatchMessage,
  type FieldDescription,
} from "../../../src/data/formats/arrow-message.ts";
import { flightService, type FlightDescriptor, type FlightInfo } from "../../../src/grpc/flight/definition.ts";
import { imageColumns, imageRows } from "../../../src/grpc/flight/image-columns.ts";
import { imageStream } from "../../../src/grpc/flight/image-stream.ts";
import { countRows, parseRange, rangeBytes } from "../../../src/grpc/flight/row-range.ts";
import { flightHandlers } from "../../../src/grpc/flight/service.ts";
import { flightData } from "../../../src/grpc/flight/wire.ts";
import { endless, PATH } from "./fixture.ts";

describe("FlightData on the wire", () => {
  it.each([
    [0, 0],
    [127, 128],
    [128, 2 ** 14],
    [1, 2 ** 21],
  ])("is what protobuf writes: a header of %d bytes, a body of %d", (header, length) => {
    const dataHeader = Buffer.alloc(header, 0xab);
    const { wire, body } = flightData(dataHeader, length);
    body.fill(0xcd);
    expect(body).toHaveLength(length);
    const read = flightService.DoGet.responseDeserialize(Buffer.from(wire));
    expect(Buffer.from(read.dataHeader).equals(dataHeader)).toBe(true);
    expect(Buffer.from(read.dataBody).equals(Buffer.alloc(length, 0xcd))).toBe(true);
  });
});

describe("a range of rows", () => {
  it("is said and read again", () => {
    expect(parseRange("ticket", rangeBytes({ path: PATH, first: 3, count: 4 }))).toEqual({
      ...{ path: ["made", "train"], first: 3, count: 4 },
    });
    expect(parseRange("ticket", Buffer.from('{"path":["a"]}'))).toEqual({ path: ["a"], first: 0 });
    expect(() => parseRange("ticket", Buffer.from('{"path":[]}'))).toThrow(/^INVALID_ARGUMENT: ticket ".*path/);
    const long = () => parseRange("command", Buffer.from("x".repeat(300)));
    expect(long).toThrow(`command "${"x".repeat(200)}": it is no JSON`);
  });

  it.each<[number, number | undefined, number | string]>([
    [0, undefined, 10],
    [4, undefined, 6],
    [10, undefined, 0],
    [11, undefined, "rows from 11 on are out of range, it has 10"],
    [0, 10, 10],
    [10, 0, 0],
    [4, 7, "rows 4 to 11 are out of range, it has 10"],
    [11, 0, "rows 11 to 11 are out of range, it has 10"],
  ])("from %d on, %s of them, of 10", (first, count, expected) => {
    const rows = () => countRows({ path: ["a", "b"], first, count }, 10);
    if (typeof expected === "number") expect(rows()).toBe(expected);
    else expect(rows).toThrow(`INVALID_ARGUMENT: a/b: ${expected}`);
  });
});

describe("the info of a flight", () => {
  const catalog = endless(10, () => {});
  const shards = [
    { count: 4, bytes: 400 },
    { count: 4, bytes: 404 },
    { count: 2, bytes: 300 },
  ];
  Object.assign(catalog.sets[0]!.images.manifest, { shards });
  const handlers = flightHandlers({ catalog, maxStreams: 1, tell: () => {} });
  const infoOf = (range: { first: number; count?: number }) => {
    const descriptor: FlightDescriptor = { type: "CMD", cmd: rangeBytes({ path: PATH, ...range }), path: [] };
    let info: FlightInfo | undefined;
    const ask = handlers["GetFlightInfo"] as unknown as (call: object, reply: (_: unknown, info: FlightInfo) => void) => void; // prettier-ignore
    ask({ request: descriptor }, (_, found) => (info = found));
    const { endpoint, totalRecords, totalBytes, ordered, flightDescriptor } = info!;
    expect(flightDescriptor).toBe(descriptor);
    expect(ordered).toBe(true);
    const parts = endpoint.map(({ ticket }) => parseRange("ticket", ticket!.ticket));
    return { parts: parts.map(({ first, count }) => [first, count]), totalRecords, totalBytes };
  };

  it("has a ticket for each shard that is in the range, with the bytes of the part", () => {
    expect(infoOf({ first: 0 })).toEqual({ parts: [[0, 4], [4, 4], [8, 2]], totalRecords: 10, totalBytes: 1104 }); // prettier-ignore
    expect(infoOf({ first: 3, count: 6 })).toEqual({ parts: [[3, 1], [4, 4], [8, 1]], totalRecords: 6, totalBytes: 654 }); // prettier-ignore
    expect(infoOf({ first: 4, count: 3 })).toEqual({ parts: [[4, 3]], totalRecords: 3, totalBytes: 303 });
    expect(infoOf({ first: 8, count: 0 })).toEqual({ parts: [], totalRecords: 0, totalBytes: 0 });
  });

  it("is none of a descriptor of no kind", () => {
    const replies: unknown[] = [];
    const ask = handlers["GetFlightInfo"] as unknown as (call: object, reply: (error: unknown) => void) => void;
    ask({ request: { type: "UNKNOWN", cmd: new Uint8Array(), path: [] } }, (error) => replies.push(error));
    expect(replies).toMatchObject([{ code: status.INVALID_ARGUMENT }]);
  });
});

describe("the messages of images", () => {
  it("are described as Arrow JS wrote them", () => {
    const { schema, schemaHeader, layout } = imageStream([2, 3, 1], true);
    expect(Buffer.from(unwrapMessage(schema)).equals(Buffer.from(schemaHeader))).toBe(true);
    expect(tableFromIPC(schema).schema.fields.map(({ name, type }) => [name, String(type)])).toEqual([
      ["image", "FixedSizeList[6]<Uint8>"],
      ["label", "Int32"],
    ]);
    // Buffers begin at multiples of 8: 5 images of 6 bytes, then 5 labels of 4.
    expect(layout(5)).toMatchObject({ rows: 5, bodyLength: 32 + 24, images: 0, labels: 32 });
    expect(layout(5)).toBe(layout(5));
    expect(layout(1)).toMatchObject({ rows: 1, bodyLength: 8 + 8, labels: 8 });
    expect(imageStream([2, 3, 1], false).layout(5)).toMatchObject({ bodyLength: 32, labels: undefined });
  });

  it("are unwrapped also where an old writer left the mark out, and within their length only", () => {
    const header = Buffer.from("header");
    const length = Buffer.alloc(4);
    length.writeInt32LE(6);
    const mark = Buffer.alloc(4, 0xff);
    const text = (...parts: Buffer[]) => String(unwrapMessage(Buffer.concat(parts)));
    expect(text(mark, length, header, Buffer.from("rest"))).toBe("header");
    expect(text(length, header)).toBe("header");
    const none = "it is no encapsulated Arrow message";
    for (const parts of [[], [mark], [length], [mark, length], [length, header.subarray(1)], [mark, mark, header]]) expect(() => text(...parts)).toThrow(none); // prettier-ignore
  });
});

describe("columns of strangers", () => {
  const field = (name: string, over: Partial<FieldDescription> = {}): FieldDescription => ({
    ...{ name, type: INT, size: 32, signed: true, dictionary: false, children: [], metadata: new Map() },
    ...over,
  });
  const item = field("item", { size: 8, signed: false });
  const image = (over: Partial<FieldDescription> = {}) =>
    field("image", { type: FIXED_SIZE_LIST, size: 6, signed: false, children: [item], ...over });
  const columns = (...fields: FieldDescription[]) => imageColumns({ kind: "schema", bodyLength: 0, fields });
  const tensor = (text: string) =>
    new Map([["ARROW:extension:name", "arrow.fixed_shape_tensor"], ["ARROW:extension:metadata", text]]); // prettier-ignore

  it("are images and labels, in any order", () => {
    const label = { node: 2, buffer: 3, bits: 32, signed: true };
    expect(columns(image(), field("label"))).toEqual({
      ...{ width: 6, shape: undefined, image: { node: 0, buffer: 0, width: 6, shape: undefined } },
      ...{ label, nodes: 3, buffers: 5 },
    });
    expect(columns(field("label", { size: 8, signed: false }), image())).toMatchObject({
      ...{ image: { node: 1, buffer: 2 }, label: { node: 0, buffer: 0, bits: 8, signed: false } },
      ...{ nodes: 3, buffers: 5 },
    });
    expect(columns(image())).toMatchObject({ label: undefined, nodes: 2, buffers: 3 });
  });

  it("tell their shape, as JSON or as a tensor's, or none", () => {
    const shapeOf = (metadata: ReadonlyMap<string, string>) => columns(image({ metadata })).shape;
    expect(shapeOf(new Map([["shape", "[1,2,3]"]]))).toEqual([1, 2, 3]);
    expect(shapeOf(tensor('{"shape":[2,3,1]}'))).toEqual([2, 3, 1]);
    expect(shapeOf(tensor('{"shape":[2,3,1],"permutation":[2,0,1]}'))).toBeUndefined();
    expect(shapeOf(new Map([["ARROW:extension:metadata", "[1,2,3]"]]))).toBeUndefined();
    for (const bad of ["[2,3]", "[1,2,4]", "[-1,-2,3]", "[0.5,4,3]", "[1,2,3,1]", "no JSON", "null", '{"shape":6}'])
      expect(() => shapeOf(new Map([["shape", bad]])), bad).toThrow(/^column "image" has 6 values a row, which are no/);
    const long = "x".repeat(200);
    expect(() => shapeOf(new Map([["shape", long]]))).toThrow(new RegExp(`of shape ${long.slice(0, 100)}$`));
  });

  it.each<[string, FieldDescription[], string]>([
    ["no image", [field("label")], 'there is no column "image"'],
    ["two images", [image(), image()], 'column "image" is not expected'],
    ["two labels", [image(), field("label"), field("label")], 'column "label" is not expected'],
    ["another column", [image(), field("name")], 'column "name" is not expected'],
    ["an image of no list", [image({ type: INT })], "is no fixed-size list of uint8"],
    ["an image of nothing", [image({ size: 0 })], "is no fixed-size list of uint8"],
    ["an image in a dictionary", [image({ dictionary: true })], "is no fixed-size list of uint8"],
    ["an image without items", [image({ children: [] })], "is no fixed-size list of uint8"],
    ["an image of pairs", [image({ children: [item, item] })], "is no fixed-size list of uint8"],
    ["an image of int8", [image({ children: [{ ...item, signed: true }] })], "is no fixed-size list of uint8"],
    ["an image of uint16", [image({ children: [{ ...item, size: 16 }] })], "is no fixed-size list of uint8"],
    ["labels in a dictionary", [image(), field("label", { dictionary: true })], '"label" is not of integers'],
    ["labels of 128 bits", [image(), field("label", { size: 128 })], '"label" is not of integers'],
    ["labels of lists", [image(), field("label", { type: FIXED_SIZE_LIST })], '"label" is not of integers'],
  ])("with %s are refused", (_, fields, message) => expect(() => columns(...fields)).toThrow(message));

  it.each<[number, boolean, number[], (bytes: Buffer, value: number, at: number) => void]>([
    [8, true, [-1, 100], (bytes, value, at) => bytes.writeInt8(value, at)],
    [8, false, [255, 100], (bytes, value, at) => bytes.writeUInt8(value, at)],
    [16, true, [-2, 1000], (bytes, value, at) => bytes.writeInt16LE(value, at)],
    [16, false, [65_535, 1000], (bytes, value, at) => bytes.writeUInt16LE(value, at)],
    [32, true, [-3, 2 ** 31 - 1], (bytes, value, at) => bytes.writeInt32LE(value, at)],
    [32, false, [7, 2 ** 31 - 1], (bytes, value, at) => bytes.writeUInt32LE(value, at)],
    [64, true, [-(2 ** 31), 4], (bytes, value, at) => bytes.writeBigInt64LE(BigInt(value), at)],
    [64, false, [2 ** 31 - 1, 4], (bytes, value, at) => bytes.writeBigUInt64LE(BigInt(value), at)],
  ])("have labels of %d bits, with a sign: %s", (bits, signed, labels, write) => {
    const known = columns(image(), field("label", { size: bits, signed }));
    const body = Buffer.alloc(16 + 16);
    body.set(Array.from({ length: 12 }, (_, i) => i));
    labels.forEach((value, i) => write(body, value, 16 + (i * bits) / 8));
    const batch: BatchMessage = {
      ...{ kind: "batch", bodyLength: 32, rows: 2 },
      nodes: [[2, 0], [12, 0], [2, 0]], // prettier-ignore
      buffers: [[0, 0], [0, 0], [0, 12], [12, 0], [16, bits / 4]], // prettier-ignore
    };
    const rows = imageRows(known, batch, body);
    expect(rows.count).toBe(2);
    expect(Array.from(rows.images)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(Array.from(rows.labels!)).toEqual(labels);
    if (bits < 32 || (bits === 32 && signed)) return;
    write(body, 2 ** 31, 16 + bits / 8);
    expect(() => imageRows(known, batch, body)).toThrow(
      'column "label" has 2147483648 in row 1, more than 32 bits hold',
    );
  });

  it("of a batch hold together, or are refused by name", () => {
    const known = columns(image());
    const batch: BatchMessage = {
      ...{ kind: "batch", bodyLength: 12, rows: 2 },
      nodes: [[2, 0], [12, 0]], // prettier-ignore
      buffers: [[0, 0], [0, 0], [0, 12]], // prettier-ignore
    };
    const read = (over: Partial<BatchMessage>) => imageRows(known, { ...batch, ...over }, Buffer.alloc(12));
    expect(read({}).count).toBe(2);
    const refused: [Partial<BatchMessage>, string][] = [
      [{ bodyLength: 13 }, "its body has 12 bytes, its header says 13"],
      [{ nodes: [[2, 0]] }, "it has 1 nodes and 3 buffers, its schema 2 and 3"],
      [{ buffers: [[0, 12]] }, "it has 2 nodes and 1 buffers, its schema 2 and 3"],
      [{ rows: -2 }, "it has -2 rows"],
      [{ rows: 1, nodes: [[2, 0], [6, 0]] }, 'column "image" has 2 rows, the batch 1'], // prettier-ignore
      [{ nodes: [[2, 0], [12, 1]] }, 'column "image" has 12 values and 1 nulls, expected 2 x 6 and none'], // prettier-ignore
      [{ buffers: [[0, 0], [0, 0], [-1, 12]] }, 'column "image" needs 12 bytes, it has 12 at -1 of a body of 12'], // prettier-ignore
      [{ buffers: [[0, 0], [0, 0], [0, 13]] }, 'column "image" needs 12 bytes, it has 13 at 0 of a body of 12'], // prettier-ignore
      [{ buffers: [[0, 0], [0, 0], [0, 11]] }, 'column "image" needs 12 bytes, it has 11 at 0 of a body of 12'], // prettier-ignore
      [{ buffers: [[0, 0], [0, 0], [1, 12]] }, 'column "image" needs 12 bytes, it has 12 at 1 of a body of 12'], // prettier-ignore
    ];
    for (const [over, message] of refused) expect(() => read(over), message).toThrow(message);
    expect(() => readArrowMessage(new Uint8Array(0))).toThrow(RangeError);
  });
});
