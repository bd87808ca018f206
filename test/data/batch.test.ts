import { RecordBatchStreamWriter } from "apache-arrow";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  bytes,
  column,
  createBatch,
  floats,
  fromIPC,
  select,
  toIPC,
  withColumns,
  type Batch,
  type Column,
} from "../../src/data/batch.ts";

const info = { step: 3, shard: 1, shards: 4, firstSample: 640 };
const image = { data: Uint8Array.from({ length: 24 }, (_, i) => i), shape: [2, 2, 3] };
const t = { data: Float32Array.of(0.5, 0.25), shape: [] };
const batch = () => createBatch({ image, t }, info);

describe("createBatch", () => {
  it("wraps the arrays without copying and keeps shapes and place in the run", () => {
    const made = batch();
    expect(made.size).toBe(2);
    expect(made.record.numRows).toBe(2);
    expect(made.info).toEqual(info);
    expect(column(made, "image").data.buffer).toBe(image.data.buffer);
    expect(column(made, "image")).toEqual(image);
    expect(column(made, "t")).toEqual(t);
  });

  it("hands Arrow the right rows", () => {
    const row = batch().record.get(1)!.toJSON() as { image: Iterable<number>; t: Iterable<number> };
    expect([...row.image]).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
    expect([...row.t]).toEqual([0.25]);
  });

  it.each([
    ["a part of an image", { image: { data: new Uint8Array(7), shape: [2] } }, /7 values are no whole number of \[2\]/],
    ["columns of other lengths", { image, t: { data: new Float32Array(3), shape: [] } }, /"t": 3 values, expected 2/],
    ["an empty shape", { image: { data: new Uint8Array(0), shape: [0] } }, /whole number of \[0\]/],
    ["no column", {}, /at least one column/],
  ])("refuses %s", (_, columns, message) => {
    expect(() => createBatch(columns as Record<string, Column>, info)).toThrow(message);
  });

  it("allows a batch of no examples", () => {
    expect(createBatch({ t: { data: new Float32Array(0), shape: [] } }, info).size).toBe(0);
  });
});

describe("withColumns and select", () => {
  it("adds and replaces columns, sharing the others", () => {
    const added = withColumns(batch(), { t: { data: Float32Array.of(1, 2), shape: [] }, z: t });
    expect(column(added, "t").data).toEqual(Float32Array.of(1, 2));
    expect(column(added, "z").data.buffer).toBe(t.data.buffer);
    expect(column(added, "image").data.buffer).toBe(image.data.buffer);
    expect(added.record.schema.fields.map((field) => field.name)).toEqual(["image", "t", "z"]);
    expectTypeOf(added).toEqualTypeOf<Batch<"image" | "t" | "z">>();
  });

  it("leaves the batch it started from as it was", () => {
    const before = batch();
    withColumns(before, { t: { data: Float32Array.of(1, 2), shape: [] } });
    expect(column(before, "t")).toEqual(t);
  });

  it("refuses a column of another length", () => {
    expect(() => withColumns(batch(), { z: { data: new Float32Array(3), shape: [] } })).toThrow(/expected 2/);
  });

  it("keeps the named columns", () => {
    const kept = select(batch(), "t");
    expect(kept.record.schema.fields.map((field) => field.name)).toEqual(["t"]);
    expect(kept.info).toEqual(info);
    expect(() => select(batch() as Batch<string>, "nope")).toThrow(/no column "nope".*image, t/);
  });

  it("lets a batch with more columns stand where fewer are asked, not the reverse", () => {
    expectTypeOf<Batch<"image" | "t">>().toExtend<Batch<"image">>();
    expectTypeOf<Batch<"image">>().not.toExtend<Batch<"image" | "t">>();
  });
});

describe("column, floats, bytes", () => {
  it("names what is missing and what is there", () => {
    expect(() => column(batch() as Batch<string>, "x")).toThrow('no column "x" in this batch; it has: image, t');
  });

  it("checks the type of the values", () => {
    expect(floats(batch(), "t").data).toBeInstanceOf(Float32Array);
    expect(bytes(batch(), "image").data).toBeInstanceOf(Uint8Array);
    expect(() => floats(batch(), "image")).toThrow(TypeError);
    expect(() => bytes(batch(), "t")).toThrow(TypeError);
  });

  it("reads a slice of a record", () => {
    const whole = batch();
    const second = { ...whole, record: whole.record.slice(1, 2), size: 1 };
    expect(column(second, "image").data).toEqual(image.data.subarray(12));
    expect(column(second, "t").data).toEqual(Float32Array.of(0.25));
  });
});

describe("IPC", () => {
  it("brings a batch back bit by bit, as views on the buffer", () => {
    const special = Float32Array.of(-0, Number.NaN, Infinity, 1e-45);
    const made = createBatch({ t: { data: special, shape: [2] }, image }, info);
    const buffer = toIPC(made);
    const back = fromIPC<"t" | "image">(buffer);
    expect(back.info).toEqual(info);
    expect(back.size).toBe(2);
    const { data, shape } = column(back, "t");
    expect(shape).toEqual([2]);
    expect(Object.is(data[0], -0)).toBe(true);
    expect(data).toEqual(special);
    expect(data.buffer).toBe(buffer.buffer);
    expect(column(back, "image")).toEqual(image);
  });

  it.each([1, 3, 4])("reads a buffer that starts at byte %i", (offset) => {
    const ipc = toIPC(batch());
    const moved = new Uint8Array(ipc.length + offset);
    moved.set(ipc, offset);
    const back = fromIPC<"image" | "t">(moved.subarray(offset));
    expect(column(back, "t")).toEqual(t);
    expect(column(back, "image")).toEqual(image);
  });

  it("refuses streams that are cut or foreign", () => {
    const ipc = toIPC(batch());
    for (const length of [0, 4, ipc.length - 300, ipc.length - 100, ipc.length - 20]) {
      expect(() => fromIPC(ipc.subarray(0, length)), `${length} bytes`).toThrow(RangeError);
    }
    expect(() => fromIPC(new Uint8Array(40).fill(7))).toThrow(RangeError);
  });

  it("are refused when there are two batches in them", () => {
    const { record } = createBatch({ t: { data: Float32Array.of(1), shape: [] } }, info);
    const writer = new RecordBatchStreamWriter();
    for (const each of [record, record]) writer.write(each);
    writer.finish();
    expect(() => fromIPC(writer.toUint8Array(true))).toThrow("got 2 record batches");
  });
});
