import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ByteReader, fileBytes } from "../../../src/data/sources/byte-reader.ts";
import { requirePlausible } from "../../../src/data/sources/codecs.ts";
import { nestedPicture } from "../../../src/data/sources/nested.ts";
import { fromColumns, fromPlanes } from "../../../src/data/sources/planes.ts";
import { expectEnd, rows } from "../../../src/data/sources/rows.ts";
import { temporaryFolder } from "./fixture.ts";

async function* chunks(...parts: number[][]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Uint8Array.from(part);
}
const reader = (...parts: number[][]) => new ByteReader(chunks(...parts), "it");

describe("ByteReader", () => {
  it("takes across pieces, and counts", async () => {
    const it = reader([1, 2], [], [3], [4, 5, 6]);
    expect([...(await it.take(1))]).toEqual([1]);
    expect([...(await it.take(4))]).toEqual([2, 3, 4, 5]);
    expect(it.position).toBe(5);
    expect(await it.atEnd()).toBe(false);
    expect([...(await it.takeUpTo(9))]).toEqual([6]);
    expect([await it.atEnd(), it.position, (await it.takeUpTo(3)).length]).toEqual([true, 6, 0]);
    await expect(it.take(1)).rejects.toThrow("it: cut short: it ends at byte 6");
  });

  it("reads the part of a file that is asked for, packed by its name or as said", async () => {
    const folder = temporaryFolder();
    const [plain, packed] = [join(folder, "a"), join(folder, "a.gz")];
    writeFileSync(plain, "0123456789");
    writeFileSync(packed, gzipSync("0123456789"));
    const text = async (...of: Parameters<typeof fileBytes>) =>
      Buffer.from(await new ByteReader(fileBytes(...of), "it").takeUpTo(99)).toString();
    expect(await text(plain)).toBe("0123456789");
    expect(await text(plain, { start: 3, end: 6 })).toBe("345");
    expect(await text(plain, { start: 3, end: 3 })).toBe("");
    expect(await text(packed)).toBe("0123456789");
    expect((await text(packed, { packed: false })).slice(0, 1)).toBe("\x1f");
  });
});

describe("rows", () => {
  const read = async (it: ByteReader, width: number, count: number) => {
    const all: number[][] = [];
    for await (const row of rows(it, width, count)) all.push([...row]);
    return all;
  };

  it("gives whole rows, however they come, and no more than asked for", async () => {
    const it = reader([1, 2, 3], [4, 5], [6, 7]);
    expect(await read(it, 2, 3)).toEqual([[1, 2], [3, 4], [5, 6]]); // prettier-ignore
    await expect(expectEnd(it)).rejects.toMatchObject({
      lost: 0,
      reason: expect.stringContaining("than 6 bytes") as string,
    });
  });

  it("gives rows of more than a block", async () => {
    const block = 1 << 20;
    const it = new ByteReader(
      (async function* () {
        for (let i = 0; i < 5; i++) yield new Uint8Array(block >> 1).fill(i);
      })(),
      "it",
    );
    const firsts: number[] = [];
    for await (const row of rows(it, (block >> 1) + (block >> 2), 3)) firsts.push(row[0]!, row.at(-1)!);
    expect(firsts).toEqual([0, 1, 1, 2, 3, 4]);
  });

  it("counts the rows that are lost, that of which a part is there among them", async () => {
    await expect(read(reader([1, 2, 3]), 2, 4)).rejects.toMatchObject({ where: "it: image 1", lost: 3 });
    await expect(read(reader([1]), 0, 4)).rejects.toMatchObject({ lost: 4 });
    await expect(read(reader([1]), 300_000_001, 4)).rejects.toMatchObject({ lost: 4 });
  });
});

it("moves planes and columns to where their channels belong", () => {
  // Pixel (y, x) of channel c is 100 c + 10 y + x, of 2 x 3 pixels.
  const hwc = [0, 100, 200, 1, 101, 201, 2, 102, 202, 10, 110, 210, 11, 111, 211, 12, 112, 212];
  const planes = [0, 100, 200].flatMap((c) => [0, 1, 2, 10, 11, 12].map((v) => c + v));
  const columns = [0, 100, 200].flatMap((c) => [0, 10, 1, 11, 2, 12].map((v) => c + v));
  expect([...fromPlanes(Uint8Array.from(planes), [2, 3, 3])]).toEqual(hwc);
  expect([...fromColumns(Uint8Array.from(columns), [2, 3, 3])]).toEqual(hwc);
});

describe("nestedPicture", () => {
  it("takes lists of numbers and of bigints, grey or with channels at either end", () => {
    expect(nestedPicture("it", [[0, 255n]], {})).toEqual({ data: Uint8Array.of(0, 255), shape: [1, 2, 1] });
    const chw = [[[1, 2]], [[3, 4]], [[5, 6]]];
    expect(nestedPicture("it", chw, { layout: "chw" })).toEqual({
      data: Uint8Array.of(1, 3, 5, 2, 4, 6),
      shape: [1, 2, 3],
    });
  });

  it.each([
    [[[256]], "a value of it is 256, expected 0 to 255"],
    [[[-1]], "a value of it is -1"],
    [[[0.5]], "a value of it is 0.5"],
    [[[1, 2], [3]], "its lists are of different lengths"], // prettier-ignore
    [[[[1, 2]]], "lists of [1, 1, 2] are not an image"],
    [[1], "lists of [1] are not an image"],
    [[[[[1]]]], "lists of [1, 1, 1, 1] are not an image"],
  ])("refuses %j", (value, words) => {
    expect(() => nestedPicture("it", value, {})).toThrow(words);
  });
});

it("calls only what unpacks to more than 64 MiB and more than 128 times its size a bomb", () => {
  const MiB = 1 << 20;
  for (const [packed, unpacked] of [
    [1, 64 * MiB],
    [MiB, 128 * MiB],
  ] as const) {
    // prettier-ignore
    expect(() => requirePlausible(packed, unpacked)).not.toThrow();
    expect(() => requirePlausible(packed, unpacked + 1)).toThrow(`${packed} bytes unpack to ${unpacked + 1}`);
  }
});
