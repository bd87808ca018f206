import { Field, FixedSizeList, List, makeData, RecordBatch, Schema, Struct, Uint8, type Data } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { requireSoundBatch } from "../../../src/data/sources/arrow-batch.ts";

const bytes = (length: number) => makeData({ type: new Uint8(), length, nullCount: 0, data: new Uint8Array(6) });
const item = new Field("item", new Uint8(), false);

function batchOf(column: Data, length = column.length): RecordBatch {
  const fields = [new Field("image", column.type, false)];
  const rows = makeData({ type: new Struct(fields), length, nullCount: 0, children: [column] });
  return new RecordBatch(new Schema(fields), rows);
}

const fixed = (length: number, values = 6) =>
  makeData({ type: new FixedSizeList(3, item), length, nullCount: 0, child: bytes(values) });
const lists = (offsets: number[]) =>
  makeData({
    type: new List(item),
    length: offsets.length - 1,
    nullCount: 0,
    valueOffsets: Int32Array.from(offsets),
    child: bytes(6),
  });

describe("requireSoundBatch", () => {
  it("takes lists that are there", () => {
    requireSoundBatch(batchOf(fixed(2)));
    requireSoundBatch(batchOf(lists([0, 2, 6])));
  });

  it.each([
    ["more rows than values", fixed(3)],
    ["more values than bytes", fixed(2 ** 30, 2 ** 32)],
    ["lists beyond the values", lists([0, 2, 7])],
    ["offsets that go back", lists([0, 6, 2])],
  ])("refuses %s", (_, column) => {
    expect(() => requireSoundBatch(batchOf(column))).toThrow(RangeError);
  });
});
