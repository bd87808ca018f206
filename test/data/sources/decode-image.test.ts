import { readFileSync } from "node:fs";
import { deflateSync, inflateSync } from "node:zlib";
import { decode, encode } from "fast-png";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../../src/base/crc.ts";
import { decodeImage } from "../../../src/data/sources/decode-image.ts";
import { pngLayout } from "../../../src/data/sources/png-layout.ts";
import { resample } from "../../../src/data/sources/resample.ts";
import { isSmallPng } from "../../../src/data/sources/small-png.ts";
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

  it.each([
    ["png", 700, 560, {}, 2],
    ["jpeg", 1400, 1120, {}, 6],
    // Not whole pixels of a smaller scale.
    ["jpeg", 1399, 1121, {}, 2],
    ["jpeg", 1400, 1120, { crop: 701 }, 6],
    ["jpeg", 1400, 1120, { orientation: 6 }, 6],
    ["png", 700, 560, { crop: 401, filter: "lanczos3" }, 2],
  ] as const)("shrinks large %s of %d x %d nearly as Pillow does: %o", async (format, width, height, options, most) => {
    // Rings with sharp edges: what is off by a part of a pixel shows.
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return Math.sin((x * x + y * y) / 20_000) > 0 ? 210 : 40 + (x % 64);
    });
    const orientation = "orientation" in options ? options.orientation : 1;
    const drawn = sharp(data, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });
    const file = await drawn[format]().toBuffer();
    const { data: whole, shape: upright } = await decodeImage(file, "whole", {});
    const crop = "crop" in options ? options.crop : Math.min(width, height);
    const [top, left] = [Math.floor((upright[0] - crop) / 2), Math.floor((upright[1] - crop) / 2)];
    const filter = "filter" in options ? options.filter : "cubic";
    const exact = resample(whole, upright, 24, filter, { left, top, width: crop, height: crop });
    const { data: shrunk, shape } = await decodeImage(file, "large", { size: 24, ...options });
    expect(shape).toEqual([24, 24, 3]);
    const { largest, mean } = difference(shrunk, exact);
    expect(largest).toBeLessThanOrEqual(most);
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

/** A PNG of black pixels whose packed data go on with `surplus` zeros. */
function bomb(side: number, surplus: number, colourType = 2): Buffer {
  const line = 1 + side * { 2: 3, 6: 4 }[colourType]!;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, colourType], 8);
  const chunk = (kind: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, crc]);
  };
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const data = deflateSync(Buffer.alloc(side * line + surplus), { level: 9 });
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

describe("a PNG that unpacks to far more than its pixels", () => {
  it.each([
    ["500 MB, small", 32, 500e6, 2],
    ["5 MB, small enough for the short way", 32, 5e6, 2],
    ["100 MB, with alpha", 32, 100e6, 6],
    ["100 MB, large", 1024, 100e6, 2],
  ])("is refused by its name, in little memory: %s", async (_, side, surplus, type) => {
    const bytes = bomb(side, surplus, type);
    const before = process.memoryUsage().rss;
    await expect(decodeImage(bytes, "a.tar: entry 7", {})).rejects.toThrow(
      new RegExp(`^a\\.tar: entry 7: .*unpacks to far more than the \\d+ bytes of its ${side} x ${side} pixels`),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(64e6);
  });

  it("is told from one with pixels missing, and from one that is whole", async () => {
    const whole = await decodeImage(bomb(32, 0), "whole", {});
    expect(whole.data).toEqual(new Uint8Array(32 * 32 * 3));
    await expect(decodeImage(bomb(32, -100), "short", {})).rejects.toThrow(/^short: .*take 3104 bytes, it has 3004/);
    await expect(decodeImage(bomb(200, -100), "short", {})).rejects.toThrow(
      /^short: .*take 120200 bytes, it has 120100/,
    );
  });
});

describe("an image that is a drawing", () => {
  it("is refused", async () => {
    const drawing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path d="M0 0"/></svg>');
    await expect(decodeImage(drawing, "a: row 3", {})).rejects.toThrow(/^a: row 3: it is svg, not one of png, jpeg/);
  });
});

describe("many small PNG files", () => {
  it("are decoded by threads, each with its own pixels or its own fault", async () => {
    const file = (i: number) => {
      const png = encode({ width: 8, height: 8, channels: 3, data: Uint8Array.from(pattern(i, 8, 8, 3)) });
      return i % 97 === 5 ? png.subarray(0, 60) : png;
    };
    const all = Array.from({ length: 800 }, (_, i) =>
      decodeImage(file(i), `image ${i}`, {}).then(
        ({ data }) => Array.from(data),
        (error: Error) => error.message,
      ),
    );
    for (const [i, found] of (await Promise.all(all)).entries()) {
      if (i % 97 === 5) expect(found).toMatch(new RegExp(`^image ${i}: it cannot be decoded`));
      else expect(found).toEqual(pattern(i, 8, 8, 3));
    }
  });
});

describe("isSmallPng", () => {
  it("leaves alone what would be got wrong, and what is large for its pixels", () => {
    const small = (bytes: Uint8Array) => isSmallPng(pngLayout(bytes)!);
    const bytes = (name: string) => readFileSync(fixture(name));
    expect(small(bytes("colour.png"))).toBe(true);
    for (const name of ["palette.png", "alpha.png"]) expect(small(bytes(name))).toBe(false);
    expect(small(bomb(32, 50e6))).toBe(false);
    expect(pngLayout(bytes("smooth.jpg"))).toBeUndefined();
  });

  it.each([1, 2, 3, 4, 5, 8, 9, 17])("knows what pixels take in passes: %i x 7", async (width) => {
    const raw = { width, height: 7, channels: 3 } as const;
    const data = Uint8Array.from(pattern(width, 7, width, 3));
    const png = await sharp(data, { raw }).png({ progressive: true }).toBuffer();
    expect(pngLayout(png)!.interlaced).toBe(true);
    expect(Array.from((await decodeImage(png, "passes", {})).data)).toEqual(Array.from(data));
    const layout = pngLayout(png)!;
    expect(inflateSync(Buffer.concat(layout.packed)).length).toBe(layout.unpacked);
  });
});
