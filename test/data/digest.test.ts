import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataDigest } from "../../src/data/digest.ts";
import { openSplits } from "../../src/data/prepare/open-splits.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { pngFolder, prepared } from "../pipelines/prepared-fixture.ts";

const pixels = (...values: number[]) => Uint8Array.from(values);
const images = (data: Uint8Array, width = 2) => ({
  ...({ name: "two", split: "train", length: data.length / (2 * width), shape: [2, width, 1], images: data } as const),
  labels: new Uint8Array(data.length / (2 * width)),
});
const vectors = (...values: number[]) => ({
  length: values.length / 2,
  values: { data: Float32Array.from(values), shape: [2] },
});

describe("dataDigest", () => {
  it("is that of the values: the same for a copy, another for each change of a value, the order or the shape", () => {
    const digest = dataDigest(images(pixels(1, 2, 3, 4, 5, 6, 7, 8)));
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(dataDigest(images(pixels(1, 2, 3, 4, 5, 6, 7, 8)))).toBe(digest);
    const others = [
      images(pixels(1, 2, 3, 4, 5, 6, 7, 9)),
      images(pixels(5, 6, 7, 8, 1, 2, 3, 4)),
      images(pixels(1, 2, 3, 4, 5, 6, 7, 8), 4),
      images(pixels(1, 2, 3, 4)),
    ];
    expect(new Set([digest, ...others.map(dataDigest)]).size).toBe(5);
    expect(dataDigest(vectors(1, 2, 3, 4))).toBe(dataDigest(vectors(1, 2, 3, 4)));
    expect(dataDigest(vectors(1, 2, 3, 4))).not.toBe(dataDigest(vectors(1, 2, 3, 4.5)));
    const all = vectors(1, 2, 3, 4);
    expect(dataDigest(all)).not.toBe(dataDigest({ ...all, length: 1 }));
    expect(dataDigest({ ...all, length: 1 })).toBe(dataDigest(vectors(1, 2)));
  });

  it("of prepared images follows them, not their folder; what is held out is part of it", async () => {
    const from = pngFolder(8, 4);
    const [out, moved] = [await prepared("--format", "folder", "--from", from), join(temporaryFolder(), "moved")];
    cpSync(out, moved, { recursive: true });
    const other = await prepared("--format", "folder", "--from", pngFolder(9, 4));
    const open = async (folder: string, fraction = 0.25) => {
      const { train, test } = await openSplits(folder, fraction);
      for (const part of [train, test]) part.close();
      return [dataDigest(train), dataDigest(test)];
    };
    const [train, test] = await open(out);
    expect(train).not.toBe(test);
    expect(await open(moved)).toEqual([train, test]);
    for (const [a, b] of [await open(other), await open(out, 0.5)]) {
      expect(a).not.toBe(train);
      expect(b).not.toBe(test);
    }
  });
});
