import { readFileSync } from "node:fs";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import { decodeImage, fitPicture } from "../../../src/data/sources/decode-image.ts";
import type { ImageOptions } from "../../../src/data/sources/options.ts";
import { toBytes } from "../../../src/data/sources/samples.ts";
import { fixture } from "./fixture.ts";

const bytesOf = (name: string) => readFileSync(fixture(`samples/${name}`));
const read = (name: string, options: ImageOptions = {}) => decodeImage(bytesOf(name), name, options);
/** What Pillow made of it. */
const pillow = (name: string) => decode(bytesOf(name)).data as Uint8Array;
const furthest = (a: Uint8Array, b: Uint8Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

/** File, truth, range that has to be said, levels off at full size: 0 unless a transform of the format rounds. */
const cases: [string, string, ImageOptions["range"], number][] = [
  ["alpha.png", "colour", undefined, 0],
  ["alpha.webp", "colour", undefined, 0],
  ["alpha.tif", "colour", undefined, 0],
  ["grey-alpha.png", "grey", undefined, 0],
  ["palette.png", "palette", undefined, 0],
  ["palette.gif", "palette", undefined, 0],
  ["inks.jpg", "inks", undefined, 2],
  ["inks.tif", "inks-tif", undefined, 0],
  ["uint16.tif", "grey", undefined, 0],
  ["uint16.png", "grey", undefined, 0],
  ["uint16-colour.tif", "colour", undefined, 0],
  ["bits12.tif", "grey", [0, 4080], 0],
  ["bits12.png", "grey", [0, 4080], 0],
  ["int32.tif", "grey", [0, 65_535], 0],
  ["float.tif", "grey", [0, 1], 0],
  ["uint32.tif", "grey", [0, 65_535], 0],
  ["signed.tif", "grey", [-1, 1], 0],
  ["float-colour.tif", "colour", [0, 1], 0],
  ["int8.tif", "grey", [-128, 127], 0],
];

describe("samples of every kind", () => {
  it.each(cases)("mean the same with and without a size, as in Pillow: %s", async (name, as, range, levels) => {
    const whole = await read(name, { range });
    expect(whole.shape).toEqual([24, 24, 3]);
    expect(furthest(whole.data, pillow(`${as}.rgb.png`))).toBeLessThanOrEqual(levels);
    const small = await read(name, { range, size: 10 });
    expect(small.shape).toEqual([10, 10, 3]);
    expect(furthest(small.data, pillow(`${as}.small.png`))).toBeLessThanOrEqual(2);
  });

  it.each(cases.filter(([, , range]) => range))("are not guessed at: %s", async (name) => {
    const refused = await read(name).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BadDataError);
    expect((refused as Error).message).toMatch(/: its samples are of type \w+ and go from .*\n? *.*--range -?\d+,\d+/s);
    await expect(read(name, { size: 10 })).rejects.toThrow(/black and white are not known/);
  });

  it.each(["double.tif", "int16.tif"])("are refused where they cannot be read whole: %s", async (name) => {
    await expect(read(name, { range: [-32_768, 32_767] })).rejects.toThrow(BadDataError);
  });

  it("are refused outside of the range that was said, and taken where a rounding leads out of it", async () => {
    await expect(read("float.tif", { range: [0, 0.5] })).rejects.toThrow(/go from 0 to 1, outside of 0 to 0\.5/);
    expect(toBytes("a", [-1e-5, 0.5, 1 + 1e-5], "float32", [0, 1])).toEqual(Uint8Array.of(0, 128, 255));
    expect(() => toBytes("a", [0, NaN], "float32", [0, 1])).toThrow(/not a number \(NaN\)\n.*--skip-bad/);
    expect(() => toBytes("a", [0, Infinity], "float32")).toThrow(/is infinite\n.*--skip-bad/);
    expect(() => toBytes("a", [-128, 127], "int8")).toThrow(/--range -128,127/);
  });

  it("of bytes take a range too, as masks of 0 and 1 need", async () => {
    const mask = { data: Uint8Array.of(0, 1, 1, 0), shape: [2, 2, 1] } as const;
    const { data } = await fitPicture(mask, "mask", { range: [0, 1] });
    expect(data).toEqual(Uint8Array.of(0, 255, 255, 0));
    expect(toBytes("flags", [0, 1], "bool")).toEqual(Uint8Array.of(0, 255));
  });

  it("of 16 bits that are all dark are black", () => {
    expect(toBytes("dark", [0, 0], "uint16")).toEqual(Uint8Array.of(0, 0));
    expect(toBytes("light", [0, 4096], "uint16")).toEqual(Uint8Array.of(0, 16));
    expect(() => toBytes("dark", [0, 4095], "uint16")).toThrow(/black and white are not known/);
  });
});
