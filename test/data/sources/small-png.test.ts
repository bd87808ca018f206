/** Small PNG files, decoded here and by two other programs. */
import { encode } from "fast-png";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { withoutFilters } from "../../../src/data/sources/png-filters.ts";
import { pngLayout } from "../../../src/data/sources/png-layout.ts";
import { decodeSmallPng, isSmallPng } from "../../../src/data/sources/small-png.ts";
import { flipByte } from "./fixture.ts";

const decode = (bytes: Uint8Array) => decodeSmallPng(bytes, pngLayout(bytes)!);
/** Smooth, with some noise, so that adaptive filtering uses every filter. */
const picture = (width: number, height: number, channels: number) =>
  Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [x, y, c] = [Math.floor(i / channels) % width, Math.floor(i / channels / width), i % channels];
    return 128 + 60 * Math.sin(x / 5 + c) + 60 * Math.cos((x * y) / 30) + ((i * 7919) % 5) * (y % 4 === 0 ? 9 : 0);
  });

describe("a small PNG", () => {
  it.each([
    [32, 32, 3],
    [17, 5, 3],
    [1, 9, 1],
    [28, 28, 1],
  ] as const)("of %i x %i x %i is as libvips and fast-png write it", async (width, height, channels) => {
    const data = picture(width, height, channels);
    const raw = { width, height, channels };
    const adaptive = await sharp(data, { raw }).png({ adaptiveFiltering: true }).toColourspace(channels === 1 ? "b-w" : "srgb").toBuffer(); // prettier-ignore
    for (const bytes of [adaptive, encode({ ...raw, data })]) {
      expect(isSmallPng(pngLayout(bytes)!)).toBe(true);
      expect(decode(bytes)).toEqual({ data, shape: [height, width, channels] });
    }
  });

  it("that is damaged or cut short is refused", () => {
    const bytes = Buffer.from(encode({ width: 8, height: 8, channels: 3, data: picture(8, 8, 3) }));
    for (let at = 16; at < bytes.length; at++)
      expect(() => decode(flipByte(Buffer.from(bytes), at)), `${at}`).toThrow();
    expect(() => decode(bytes.subarray(0, bytes.length - 12))).toThrow(/cut short: its last chunk is missing/);
    expect(() => decode(flipByte(Buffer.from(bytes), bytes.indexOf("IDAT") + 6))).toThrow(/checksum of its chunk IDAT/);
  });

  it("undoes each filter as the standard says, by hand", () => {
    // Lines of 2 pixels of 2 bytes: none, sub, up, average, Paeth.
    const stored = [0, 10, 20, 30, 40, 1, 1, 2, 3, 4, 2, 1, 1, 1, 1, 3, 5, 5, 5, 5, 4, 7, 7, 7, 7];
    const expected = [10, 20, 30, 40, 1, 2, 4, 6, 2, 3, 5, 7, 6, 6, 10, 11, 13, 13, 20, 20];
    expect(Array.from(withoutFilters(Uint8Array.from(stored), 5, 4, 2))).toEqual(expected);
    expect(() => withoutFilters(Uint8Array.of(5, 0), 1, 1, 1)).toThrow(/line 0 has the unknown filter 5/);
  });

  it("undoes each filter, in the first line too, by the formulas of the standard", () => {
    const paeth = (a: number, b: number, c: number) =>
      [a, b, c].reduce((best, one) => (Math.abs(a + b - c - one) < Math.abs(a + b - c - best) ? one : best));
    const [width, step] = [3 * 40, 3];
    for (const first of [0, 1, 2, 3, 4]) {
      const filters = [first, 4, 3, 4, 1, 4, 2, 4, 0, 4];
      const lines = filters.map((filter, y) => [filter, ...Array.from({ length: width }, (_, x) => (x * x * 31 + y * 57 + ((x * y * 7919) >> 3)) & 255)]); // prettier-ignore
      const expected: number[][] = [];
      for (const [y, [filter, ...stored]] of lines.entries()) {
        const line: number[] = [];
        for (const [x, byte] of stored.entries()) {
          const [a, b, c] = [line[x - step] ?? 0, expected[y - 1]?.[x] ?? 0, expected[y - 1]?.[x - step] ?? 0];
          line.push((byte + [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter!]!) & 255);
        }
        expected.push(line);
      }
      expect(Array.from(withoutFilters(Uint8Array.from(lines.flat()), lines.length, width, step))).toEqual(expected.flat()); // prettier-ignore
    }
  });
});
