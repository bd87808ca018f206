/** Limits against bombs, at their boundaries: what a PNG and the pages of a Parquet column unpack to. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { AsyncBuffer, ColumnMetaData } from "hyparquet";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { openCelebA } from "../../../src/data/sources/celeba.ts";
import { requireSmallPages } from "../../../src/data/sources/parquet-pages.ts";
import { checkPacked, mostUnpacked, pngLayout, requireUnpacked } from "../../../src/data/sources/png-layout.ts";
import { isSmallPng } from "../../../src/data/sources/small-png.ts";
import { readAll, temporaryFolder } from "./fixture.ts";

interface Png {
  readonly width?: number;
  readonly height?: number;
  readonly depth?: number;
  readonly type?: number;
  readonly passes?: number;
  readonly chunks?: readonly (readonly [string, Uint8Array])[];
}

/** A PNG by its chunks; checksums are not looked at. */
function png({ width = 4, height = 2, depth = 8, type = 2, passes = 0, chunks = [] }: Png): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, type, 0, 0, passes], 8);
  const all = [["IHDR", head] as const, ...chunks].map(([kind, data]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(kind), data, Buffer.alloc(4)]);
  });
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), ...all]);
}
const layoutOf = (of: Png) => pngLayout(png(of))!;

describe("pngLayout", () => {
  it.each([
    [0, 1, 2 * (1 + 2)],
    [0, 8, 2 * (1 + 9)],
    [2, 8, 2 * (1 + 27)],
    [3, 4, 2 * (1 + 5)],
    [4, 8, 2 * (1 + 18)],
    [6, 16, 2 * (1 + 72)],
  ])("knows what 9 x 2 pixels of type %i and %i bits unpack to", (type, depth, unpacked) => {
    expect(layoutOf({ width: 9, height: 2, type, depth }).unpacked).toBe(unpacked);
  });

  it("collects the packed data in order, and the kinds of the chunks", () => {
    const chunks = [["tRNS", Uint8Array.of(9)], ["IDAT", Uint8Array.of(1, 2)], ["IDAT", Uint8Array.of(3)]] as const; // prettier-ignore
    const { packed, kinds } = layoutOf({ chunks });
    expect(packed.map((part) => [...part])).toEqual([[1, 2], [3]]);
    expect([...kinds]).toEqual(["IHDR", "tRNS", "IDAT"]);
    expect(pngLayout(png({}).subarray(0, 32))).toBeUndefined();
  });

  it("allows 64 KiB behind the pixels, and not a byte more or less than the pixels", async () => {
    const layout = layoutOf({});
    expect([layout.unpacked, mostUnpacked(layout)]).toEqual([26, 26 + 65_536]);
    for (const found of [26, 26 + 65_536]) expect(() => requireUnpacked(layout, found)).not.toThrow();
    expect(() => requireUnpacked(layout, 25)).toThrow("its 4 x 2 pixels take 26 bytes, it has 25");
    expect(() => requireUnpacked(layout, 26 + 65_537)).toThrow("unpacks to far more than the 26 bytes of its 4 x 2");
    const check = (bytes: number) => checkPacked(layoutOf({ chunks: [["IDAT", deflateSync(Buffer.alloc(bytes))]] }));
    await check(26);
    await expect(check(25)).rejects.toThrow("it has 25");
    await expect(check(26 + 65_537)).rejects.toThrow("far more");
  });
});

it("decodes in this thread only what is small, plain and not padded", () => {
  const small = (of: Png) => isSmallPng(layoutOf(of));
  const data = (bytes: number) => ({ chunks: [["IDAT", new Uint8Array(bytes)] as const] });
  expect([small({}), small({ type: 0 }), small({ width: 128, height: 128 })]).toEqual([true, true, true]);
  expect([small({ width: 129 }), small({ height: 129 }), small({ width: 0 }), small({ height: 0 })]).not.toContain(
    true,
  );
  expect([small({ depth: 16 }), small({ type: 3 }), small({ type: 6 }), small({ passes: 1 })]).not.toContain(true);
  for (const kind of ["tRNS", "eXIf", "iCCP", "acTL"])
    expect(small({ chunks: [[kind, new Uint8Array(1)]] })).toBe(false);
  // Twice the 24 bytes of the pixels and 4 KiB.
  expect([small(data(48 + 4096)), small(data(48 + 4097))]).toEqual([true, false]);
});

describe("requireSmallPages", () => {
  /** A number in Thrift's compact protocol, the sign in its lowest bit. */
  const integer = (value: number): number[] => {
    const out: number[] = [];
    let rest = 2 * value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
    return [...out, rest];
  };
  /** The header of a data page: its kind, sizes, and a struct with the number of values, encodings, statistics in a struct. */
  const page = (unpacked: number, packed: number, values: number) => [
    ...[0x15, 0, 0x15, ...integer(unpacked), 0x15, ...integer(packed)],
    ...[0x2c, 0x15, ...integer(values), 0x15, 0, 0x15, 6, 0x15, 6, 0x1c, 0x18, 3, 1, 2, 3, 0, 0, 0],
  ];
  /** The header of a page of the second version: values, nulls, rows, encoding, bytes of definition and repetition levels. */
  const second = (...numbers: readonly number[]) =>
    [0x15, ...integer(3), 0x15, ...integer(9), 0x15, ...integer(9), 0x5c, ...numbers.flatMap((value) => [0x15, ...integer(value)]), 0, 0]; // prettier-ignore
  const check = (rows: number, ...pages: readonly (readonly [number, number, number])[]) => {
    const bytes = pages.flatMap(([unpacked, packed, values]) => [
      ...page(unpacked, packed, values),
      ...Array<number>(Math.min(packed, 100)).fill(0xff),
    ]);
    return checkBytes(rows, bytes);
  };
  const checkBytes = (rows: number, bytes: readonly number[]) => {
    const data = Uint8Array.from([1, 2, 3, 4, ...bytes]);
    const file: AsyncBuffer = { byteLength: data.length, slice: async (from, to) => data.slice(from, to).buffer };
    const column = { data_page_offset: 4n, total_compressed_size: BigInt(bytes.length) } as ColumnMetaData;
    return requireSmallPages(file, [column], rows);
  };
  const MiB = 1 << 20;

  it("takes pages behind one another, and sums what they unpack to", async () => {
    await check(2, [1000, 90, 2], [1000, 100, 2]);
    await check(1, [64 * MiB, 100, 1]);
    await expect(check(2, [40 * MiB, 90, 1], [40 * MiB, 100, 1])).rejects.toThrow(/\d+ bytes unpack to 83886080, far/);
  });

  it.each<[string, readonly number[], string | undefined]>([
    ["has all numbers", [2, 0, 2, 0, 5, 4], undefined],
    ["has no bytes of levels, on which the reader would wait for ever", [2, 0, 2, 0], "has no number 8.5"],
    ["has no rows", [2, 0], "has no number 8.3"],
    ["has more rows than values", [2, 0, 3, 0, 5, 4], "2 values of a page in 3 rows, 0 null"],
    ["has more nulls than values", [2, 3, 2, 0, 5, 4], "2 values of a page in 2 rows, 3 null"],
    ["has more levels than bytes", [2, 0, 2, 0, 5, 5], "10 bytes of levels in a page of 9 bytes"],
    ["has a number below 0, as its lowest bit says", [2, 0, 2, 0, 0.5, 4], "has no number 8.5"],
  ])("looks at the header of a page, which %s", async (_, numbers, reason) => {
    const looked = checkBytes(2, [...second(...numbers), ...Array<number>(9).fill(0xff)]);
    if (reason === undefined) await looked;
    else await expect(looked).rejects.toThrow(reason);
  });

  it("refuses a page of no kind", async () => {
    await expect(checkBytes(2, [0x15, ...integer(7), 0x15, 2, 0x15, 2, 0])).rejects.toThrow("the kind 7 of a page");
  });

  it("refuses a value of more than 64 MiB, and too many values or rows of a group", async () => {
    await expect(check(1, [64 * MiB + 1, 100, 1])).rejects.toThrow("1 values of a page unpack to 67108865 bytes");
    await expect(check(1, [64 * MiB + 1, 100, 0])).rejects.toThrow("0 values of a page unpack to 67108865 bytes");
    await check(1, [1, 10, 2 ** 26]);
    await expect(check(1, [1, 10, 2 ** 26 + 1])).rejects.toThrow("67108865 values in one row group are too many");
    await expect(check(2, [1, 10, 2 ** 26], [1, 10, 1])).rejects.toThrow("67108865 values in one row group");
    await check(2 ** 22, [1, 10, 1]);
    await expect(check(2 ** 22 + 1, [1, 10, 1])).rejects.toThrow("4194305 rows in one row group are too many");
  });
});

it("crops CelebA to 140 pixels where nothing else is asked, and knows its three splits", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "img_align_celeba"));
  const create = { width: 150, height: 160, channels: 3, background: "#204060" } as const;
  for (const name of ["1.png", "2.png", "3.png"]) {
    writeFileSync(join(folder, "img_align_celeba", name), await sharp({ create }).png().toBuffer());
  }
  writeFileSync(join(folder, "list_eval_partition.txt"), "1.png 2\n2.png 0\n3.png 1\n");
  for (const [split, name] of [
    ["train", "2.png"],
    ["validation", "3.png"],
    ["test", "1.png"],
  ] as const) {
    // prettier-ignore
    const all = await readAll(await openCelebA({ path: folder, split }));
    expect(all.map((of) => [of.name, of.shape])).toEqual([[join(folder, "img_align_celeba", name), [140, 140, 3]]]);
    expect(all[0]!.data!.slice(0, 3)).toEqual([0x20, 0x40, 0x60]);
  }
});
