import { describe, expect, it } from "vitest";
import { openArrow } from "../../../src/data/sources/arrow.ts";
import { openParquet } from "../../../src/data/sources/parquet.ts";
import { badOf, expected, fixture, pattern, readAll, withoutNames } from "./fixture.ts";

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
    await expect(arrow("fixed-bare").then(readAll)).rejects.toThrow(/FixedSizeBinary\[72\].*\n.*metadata "shape"/);
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
