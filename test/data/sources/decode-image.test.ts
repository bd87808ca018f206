import { readFileSync } from "node:fs";
import { decode, encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../src/data/sources/decode-image.ts";
import { decodeSmallPng } from "../../../src/data/sources/small-png.ts";
import type { ImageOptions } from "../../../src/data/sources/options.ts";
import { fixture, pattern } from "./fixture.ts";

const read = (name: string, options: ImageOptions = {}) => decodeImage(readFileSync(fixture(name)), name, options);
/** What Pillow made of it. */
const pillow = (name: string) => Array.from(decode(readFileSync(fixture(name))).data as Uint8Array);

/** Largest and mean difference of two lists of pixels. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>) {
  const all = Array.from(a, (value, i) => Math.abs(value - b[i]!));
  return { largest: Math.max(...all), mean: all.reduce((x, y) => x + y, 0) / all.length };
}

describe("decodeImage", () => {
  it.each([
    ["colour.png", "colour.png"],
    ["palette.png", "palette-rgb.png"],
    ["alpha.png", "colour.png"],
  ])("gives the pixels that Pillow gives: %s", async (name, as) => {
    const { data, shape } = await read(name);
    expect(shape).toEqual([24, 36, 3]);
    expect(Array.from(data)).toEqual(pillow(as));
  });

  it("makes the same grey as Pillow", async () => {
    const { data, shape } = await read("colour.png", { channels: 1 });
    expect(shape).toEqual([24, 36, 1]);
    expect(Array.from(data)).toEqual(pillow("colour-grey.png"));
  });

  it("decodes JPEG as Pillow does, within the rounding of the transform", async () => {
    const { data } = await read("smooth.jpg");
    expect(difference(data, pillow("smooth-jpg.png")).largest).toBeLessThanOrEqual(2);
  });

  it.each(["cubic", "linear", "lanczos3"] as const)("crops and resizes as Pillow does: %s", async (filter) => {
    const { data, shape } = await read("smooth.png", { size: 20, filter });
    expect(shape).toEqual([20, 20, 3]);
    const { largest, mean } = difference(data, pillow(`smooth-${filter}.png`));
    expect(largest).toBeLessThanOrEqual(3);
    expect(mean).toBeLessThan(0.6);
  });

  it("does not alias: stripes as fine as a pixel become grey", async () => {
    const stripes = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 2 ? 255 : 0));
    const png = encode({ width: 64, height: 64, data: stripes, channels: 3, depth: 8 });
    const { data } = await decodeImage(png, "stripes", { size: 16 });
    // Away from the border, where the kernel meets repeated pixels.
    for (let x = 3; x < 13; x++) expect(Math.abs(data[(8 * 16 + x) * 3]! - 127.5)).toBeLessThan(8);
  });

  it("crops the middle", async () => {
    const { data, shape } = await read("colour.png", { crop: 10 });
    const whole = pattern(0, 24, 36, 3);
    const middle = Array.from({ length: 10 }, (_, y) => whole.slice(((y + 7) * 36 + 13) * 3, ((y + 7) * 36 + 23) * 3));
    expect(shape).toEqual([10, 10, 3]);
    expect(Array.from(data)).toEqual(middle.flat());
    await expect(read("colour.png", { crop: 25 })).rejects.toThrow(/colour\.png: \[24, 36\] pixels are too few/);
  });

  it("turns a picture upright", async () => {
    const { data, shape } = await read("turned.webp");
    expect(shape).toEqual([36, 24, 3]);
    // Turned by 90 degrees clockwise: the first pixel was at the bottom left.
    expect(Array.from(data.subarray(0, 3))).toEqual(pattern(0, 24, 36, 3).slice(23 * 36 * 3, 23 * 36 * 3 + 3));
  });

  it("names what is damaged, empty or cut short", async () => {
    const png = readFileSync(fixture("smooth.png"));
    const jpeg = readFileSync(fixture("smooth.jpg"));
    const bad = (bytes: Uint8Array) => decodeImage(bytes, "a: image 7", { size: 8 });
    await expect(bad(new Uint8Array(0))).rejects.toThrow(/^a: image 7: empty/);
    await expect(bad(Buffer.from("no image at all"))).rejects.toThrow(/^a: image 7: it cannot be decoded/);
    await expect(bad(png.subarray(0, 200))).rejects.toThrow(/^a: image 7: it cannot be decoded/);
    await expect(bad(jpeg.subarray(0, 900))).rejects.toThrow(/^a: image 7: it cannot be decoded/);
    const flipped = Buffer.from(png);
    flipped[flipped.indexOf("IDAT") + 9]! ^= 255;
    await expect(bad(flipped)).rejects.toThrow(/^a: image 7: it cannot be decoded/);
  });

  it("refuses a picture that declares too many pixels, without making room for them", async () => {
    const bomb = Buffer.from(readFileSync(fixture("smooth.png")));
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    const before = process.memoryUsage().rss;
    await expect(decodeImage(bomb, "bomb", {})).rejects.toThrow(/^bomb: /);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });
});

describe("decodeSmallPng", () => {
  it("leaves alone what it would get wrong, and what is large for its pixels", () => {
    const bytes = (name: string) => readFileSync(fixture(name));
    expect(decodeSmallPng(bytes("colour.png"))).toMatchObject({ shape: [24, 36, 3] });
    for (const name of ["palette.png", "alpha.png", "smooth.jpg"]) expect(decodeSmallPng(bytes(name))).toBeUndefined();
    expect(decodeSmallPng(Buffer.concat([bytes("colour.png"), Buffer.alloc(20_000)]))).toBeUndefined();
  });
});
