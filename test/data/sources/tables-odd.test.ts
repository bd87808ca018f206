import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openArrays } from "../../../src/data/sources/arrays.ts";
import { openArrow } from "../../../src/data/sources/arrow.ts";
import { nestedPicture } from "../../../src/data/sources/nested.ts";
import { openParquet } from "../../../src/data/sources/parquet.ts";
import { badOf, expected, fixture, pattern, readAll, temporaryFolder, withoutNames } from "./fixture.ts";

const three = expected([undefined, undefined, undefined], [4, 6, 3]);
const parquet = (name: string, more = {}) =>
  openParquet({ path: fixture(`tables/${name}.parquet`), split: "train", ...more });
const arrow = (name: string, more = {}) =>
  openArrow({ path: fixture(`tables/${name}.arrow`), split: "train", ...more });

describe("Arrow columns of unusual kinds", () => {
  it.each(["hwc-201", "whc-102", "dictionary", "fixed"])("are read: %s", async (name) => {
    expect(withoutNames(await readAll(await arrow(name)))).toEqual(three);
  });

  it("of [C, H, W] are read as such when that is said, which the refusal proposes", async () => {
    await expect(arrow("chw-names").then(readAll)).rejects.toThrow(/shape \[3, 4, 6\]\n.*--layout chw/);
    expect(withoutNames(await readAll(await arrow("chw-names", { layout: "chw" })))).toEqual(three);
  });

  it("need a shape where bytes of fixed size have none", async () => {
    await expect(arrow("fixed-bare").then(readAll)).rejects.toThrow(/FixedSizeBinary\[72\].*\n.*such as --shape/);
    expect(withoutNames(await readAll(await arrow("fixed-bare", { shape: [4, 6, 3] })))).toEqual(three);
    await expect(arrow("fixed-bare", { shape: [4, 6, 1] }).then(readAll)).rejects.toThrow(/--shape/);
  });

  it("of floats need a range", async () => {
    expect(badOf(await readAll(await arrow("floats")))[0]!.message).toMatch(/row 0: .*float64.*\n.*--range 0,1/);
    expect(withoutNames(await readAll(await arrow("floats", { range: [0, 1] })))).toEqual(three);
  });
});

describe("Parquet columns of unusual kinds", () => {
  it.each(["base64", "lists"])("are read: %s", async (name) => {
    expect(withoutNames(await readAll(await parquet(name)))).toEqual(three);
  });

  it("of paths say where the images are", async () => {
    const [, second] = badOf(await readAll(await parquet("paths")));
    expect(second!.message).toMatch(/row 1: .*not in the file, only the path a\/1\.png\n.*--format folder/);
  });

  it("of flags are black and white, and of the floats 0 and 1 only with a range", async () => {
    const masks = [0, 1, 2].map((i) => pattern(i, 4, 6, 3).map((value) => (value > 127 ? 255 : 0)));
    const data = async (source: ReturnType<typeof parquet>) => (await readAll(await source)).map((image) => image.data);
    expect(await data(parquet("flags"))).toEqual(masks);
    expect(await data(parquet("masks"))).toEqual([undefined, undefined, undefined]);
    expect(await data(parquet("masks", { range: [0, 1] }))).toEqual(masks);
  });

  it("keep the names of classes that Hugging Face gives them", async () => {
    const source = await parquet("named");
    expect(source.classNames).toEqual(["cat", "dog"]);
    expect((await readAll(source)).map(({ label }) => label)).toEqual([0, 1, 0]);
    expect((await parquet("named", { labelColumn: "none" })).classNames).toBeUndefined();
  });
});

describe("flat lists of pixels", () => {
  const flat = pattern(1, 4, 6, 3);

  it("need a shape, which the refusal proposes where the image can be square", () => {
    const square = () => nestedPicture("row 0", Array<number>(1728).fill(0), {});
    expect(square).toThrow(/lists of \[1728\] are not an image.*\n.*--shape 24,24,3$/);
    expect(() => nestedPicture("row 0", flat, { shape: [4, 6, 1] })).toThrow(/lists of \[72\]/);
  });

  it("have the shape that is said, in planes too", () => {
    expect(nestedPicture("row 0", flat, { shape: [4, 6, 3] })).toEqual({
      data: Uint8Array.from(flat),
      shape: [4, 6, 3],
    });
    const planes = [0, 1, 2].flatMap((c) => flat.filter((_, i) => i % 3 === c));
    expect(nestedPicture("row 0", planes, { shape: [3, 4, 6], layout: "chw" })).toEqual({
      data: Uint8Array.from(flat),
      shape: [4, 6, 3],
    });
  });

  it("are rows of arrays too", async () => {
    const header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 72), }\n";
    const size = Buffer.alloc(2);
    size.writeUInt16LE(header.length);
    const values = Buffer.from([...pattern(0, 4, 6, 3), ...flat]);
    const path = join(temporaryFolder(), "flat.npy");
    writeFileSync(path, Buffer.concat([Buffer.from("\x93NUMPY\x01\0", "latin1"), size, Buffer.from(header), values]));
    const open = (more = {}) => openArrays({ path, split: "train", ...more });
    await expect(open()).rejects.toThrow(/\[2, 72\] is not a shape of images.*\n.*--shape/);
    const read = withoutNames(await readAll(await open({ shape: [4, 6, 3] })));
    expect(read).toEqual(expected([undefined, undefined], [4, 6, 3]));
  });
});

it("a Parquet file whose row groups have no list of columns is damaged", async () => {
  const [bytes, path] = [readFileSync(fixture("none.parquet")), join(temporaryFolder(), "none.parquet")];
  bytes[2707]! ^= 1;
  writeFileSync(path, bytes);
  await expect(openParquet({ path, split: "train" })).rejects.toThrow(
    /none\.parquet: damaged: a row group has no columns/,
  );
});
