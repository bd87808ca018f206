import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { pngGrid } from "../../../src/data/formats/png-grid.ts";

describe("pngGrid", () => {
  it.each([1, 3, 4])("places images of %i channels where they belong", (channels) => {
    const [count, height, width, columns] = [5, 3, 4, 3];
    const size = height * width * channels;
    const images = Uint8Array.from({ length: count * size }, (_, i) => (i * 37 + 1) % 256);
    const png = decode(pngGrid(images, [height, width, channels], { columns }));
    expect([png.width, png.height, png.channels]).toEqual([3 * (4 + 2) + 2, 2 * (3 + 2) + 2, channels]);

    const background = channels === 4 ? [0, 0, 0, 255] : new Array<number>(channels).fill(0);
    for (let y = 0; y < png.height; y++) {
      for (let x = 0; x < png.width; x++) {
        const [row, column] = [Math.floor((y - 2) / 5), Math.floor((x - 2) / 6)];
        const [v, u] = [y - 2 - row * 5, x - 2 - column * 6];
        const n = row * columns + column;
        const inside = row >= 0 && column >= 0 && column < columns && v < height && u < width && n < count;
        const at = ((n * height + v) * width + u) * channels;
        const expected = inside ? [...images.subarray(at, at + channels)] : background;
        const pixel = (y * png.width + x) * channels;
        expect([...png.data.subarray(pixel, pixel + channels)], `pixel ${x}, ${y}`).toEqual(expected);
      }
    }
  });

  it("makes the largest square that fits by default", () => {
    const { width, height } = decode(pngGrid(new Uint8Array(10 * 4), [2, 2, 1]));
    expect([width, height]).toEqual([3 * 4 + 2, 4 * 4 + 2]);
  });

  it("refuses what is no image", () => {
    expect(() => pngGrid(new Uint8Array(11), [2, 2, 3])).toThrow(/11 values are not a whole number of \[2, 2, 3\]/);
    expect(() => pngGrid(new Uint8Array(0), [2, 2, 3])).toThrow(RangeError);
    expect(() => pngGrid(new Uint8Array(8), [2, 2, 2])).toThrow(/channels must be 1, 3 or 4, got 2/);
    expect(() => pngGrid(new Uint8Array(12), [2, 2, 3], { columns: 0 })).toThrow(/columns must be >= 1/);
  });
});
