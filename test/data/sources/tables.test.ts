import { describe, expect, it } from "vitest";
import { openArrow } from "../../../src/data/sources/arrow.ts";
import { openParquet } from "../../../src/data/sources/parquet.ts";
import { badOf, damaged, expected, fixture, flipByte, folderWith, readAll, withoutNames } from "./fixture.ts";

const five = expected([3, 1, 4, 1, 5], [4, 6, 3]);
const train = "train-00000-of-00001.parquet";

describe("openParquet", () => {
  const open = (path: string, split = "train") => openParquet({ path, split });

  it("reads the files of the split, as PyArrow wrote them", async () => {
    const folder = folderWith(train, "test-00000-of-00001.parquet");
    const source = await open(folder);
    expect(source.length).toBe(5);
    const all = await readAll(source);
    expect(withoutNames(all)).toEqual(five);
    expect(all[4]!.name).toMatch(/train-00000-of-00001\.parquet: row 4$/);
    // Zstandard, columns "img" and "fine_label".
    expect(withoutNames(await readAll(await open(folder, "test")))).toEqual(five.slice(0, 2));
    await expect(open(folder, "validation")).rejects.toThrow(/there is no split validation; found: train, test\n/);
  });

  it("gives a bad entry for a damaged row group, with the rows lost, and reads the next", async () => {
    // The first row group begins behind the magic; its page headers say how long the pages are.
    const path = damaged(train, (bytes) => bytes.fill(0xff, 10, 30));
    const all = await readAll(await open(path));
    expect(badOf(all)).toMatchObject([{ where: `${path}: row 0, row group 0`, lost: 2 }]);
    expect(all).toHaveLength(4);
    expect(all[1]!.data).toEqual(five[2]!.data);
  });

  it("names the row of a damaged image", async () => {
    const path = damaged(train, (bytes) => flipByte(bytes, bytes.indexOf("IDAT") + 12));
    const bad = badOf(await readAll(await open(path)));
    expect(bad[0]!.message).toMatch(/parquet: row 0: it cannot be decoded/);
  });

  it.each(["lz4.parquet", "gzip.parquet", "brotli.parquet", "none.parquet"])(
    "reads every compression that PyArrow writes: %s",
    async (name) => expect(withoutNames(await readAll(await open(fixture(name))))).toEqual(five),
  );

  it("reads pixels in nested lists, in columns of any name", async () => {
    const path = fixture("lists.parquet");
    await expect(open(path)).rejects.toThrow(/expected a column image or img, found photo, kind\n.*--image-column/);
    const named = { path, split: "train", imageColumn: "photo", labelColumn: "kind" };
    expect(withoutNames(await readAll(await openParquet(named)))).toEqual(five);
    await expect(openParquet({ ...named, labelColumn: "class" })).rejects.toThrow(/no class, found photo, kind/);
    const without = await readAll(await openParquet({ ...named, labelColumn: "none" }));
    expect(without.map(({ label }) => label)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  it("says that an image is not in the file, and how it gets there", async () => {
    const [bad] = badOf(await readAll(await open(fixture("elsewhere.parquet"))));
    expect(bad!.message).toMatch(/row 0: the bytes of the image are not in the file, only the path \/photos\/0\.png\n/);
    expect(bad!.message).toContain("embed_table_storage");
  });

  it.each([
    ["bomb-page.parquet", /\d{4} bytes unpack to 1500000102, far more|values of a page unpack to \d+ bytes, too many/],
    ["bomb-list.parquet", /300000001 values in one row group are too many/],
    ["bomb-rows.parquet", /30000000 rows in one row group are too many; write it with smaller row groups/],
  ])("refuses a few kilobytes that unpack to a gigabyte, in little memory: %s", async (name, reason) => {
    const before = process.memoryUsage().rss;
    const bad = badOf(await readAll(await open(fixture(name))));
    expect(bad).toHaveLength(1);
    expect(bad[0]!.where).toBe(`${fixture(name)}: row 0, row group 0`);
    expect(bad[0]!.reason).toMatch(reason);
    expect(process.memoryUsage().rss - before).toBeLessThan(64e6);
  });

  it("says what is not a Parquet file", async () => {
    const cut = damaged(train, (bytes) => bytes.subarray(0, 2000));
    await expect(open(cut)).rejects.toThrow(/train-00000-of-00001\.parquet: damaged/);
  });
});

describe("openArrow", () => {
  const open = (path: string) => openArrow({ path, split: "train" });

  it("reads encoded images in a stream, as the cache of Hugging Face", async () => {
    expect(withoutNames(await readAll(await open(fixture("hub.arrow"))))).toEqual(five);
  });

  it("reads pixels in a file of several record batches", async () => {
    const all = await readAll(await open(fixture("pixels.arrow")));
    expect(withoutNames(all)).toEqual(five);
    expect(all[3]!.name).toBe(`${fixture("pixels.arrow")}: row 3`);
  });

  it.each(["lz4.arrow", "zstd.arrow", "planes.arrow", "nested.arrow", "lists.arrow"])(
    "reads what else PyArrow writes, packed, moved or nested: %s",
    async (name) => expect(withoutNames(await readAll(await open(fixture(name))))).toEqual(five),
  );

  it("finds damage in what is packed", async () => {
    for (const name of ["lz4.arrow", "zstd.arrow"]) {
      // The declared length of a buffer; then bytes of what is in it.
      const longer = damaged(name, (bytes) => {
        const at = bytes.indexOf(Buffer.from(name === "lz4.arrow" ? [4, 34, 77, 24] : [40, 181, 47, 253]));
        bytes.writeBigInt64LE(1n << 40n, at - 8);
        return bytes;
      });
      expect(badOf(await readAll(await open(longer)))[0]!.reason).toMatch(
        /damaged: a buffer of \d+ bytes is too large/,
      );
      const bomb = damaged(name, (bytes) => {
        const at = bytes.indexOf(Buffer.from(name === "lz4.arrow" ? [4, 34, 77, 24] : [40, 181, 47, 253]));
        bytes.writeBigInt64LE(1n << 30n, at - 8);
        return bytes;
      });
      expect(badOf(await readAll(await open(bomb)))[0]!.message).toMatch(
        /row 0: damaged: \d+ bytes unpack to 1073741824, far more than those of images do/,
      );
    }
  });

  it("takes a null for a bad image, and text for no label", async () => {
    const path = fixture("null.arrow");
    await expect(open(path).then(readAll)).rejects.toThrow(
      /row 0: the label "a" is not an integer\n.*--label-column none/,
    );
    const all = await readAll(await openArrow({ path, split: "train", labelColumn: "none" }));
    expect(badOf(all)).toMatchObject([{ where: `${path}: row 0`, reason: "no image in its cell" }]);
    expect(all.slice(1).map(({ data }) => data)).toEqual(five.slice(1).map(({ data }) => data));
  });

  it("says that a file lacks its end", async () => {
    const path = damaged("pixels.arrow", (bytes) => bytes.subarray(0, 900));
    expect(badOf(await readAll(await open(path)))).toMatchObject([{ where: path, whole: true }]);
    expect(badOf(await readAll(await open(path)))[0]!.reason).toMatch(/^cut short: 900 bytes without the footer/);
  });

  it("says where a stream is cut short", async () => {
    const path = damaged("hub.arrow", (bytes) => bytes.subarray(0, 1200));
    const all = await readAll(await open(path));
    expect(badOf(all)).toHaveLength(1);
    expect(badOf(all)[0]!.where).toMatch(/hub\.arrow: row 2$/);
  });

  it("ends where the footer points at another message than a record batch", async () => {
    const path = damaged("pixels.arrow", (bytes) => {
      // The schema stands at byte 8, the second batch at 712.
      const place = Buffer.alloc(8);
      place.writeBigInt64LE(712n);
      bytes.writeBigInt64LE(8n, bytes.lastIndexOf(place));
      return bytes;
    });
    const bad = badOf(await readAll(await open(path)));
    expect(bad).toHaveLength(1);
    expect(bad[0]!.message).toMatch(/pixels\.arrow: row \d: damaged: /);
  });

  it("says that pixels need a shape", async () => {
    const path = damaged("pixels.arrow", (bytes) => {
      for (let at = 0; (at = bytes.indexOf("[4, 6, 3]", at + 1)) > 0;) bytes.write("[4, 6, 9]", at, "latin1");
      return bytes;
    });
    await expect(open(path).then(readAll)).rejects.toThrow(/column "image" is FixedSizeList.*\[4, 6, 9\]/);
  });
});
