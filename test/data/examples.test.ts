import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadedImages } from "../../src/data/dataset.ts";
import { examplesOf } from "../../src/data/examples.ts";
import { openSplits } from "../../src/data/prepare/open-splits.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { pngFolder, prepared } from "../pipelines/prepared-fixture.ts";

const images = (values: readonly number[], width = 2) =>
  loadedImages({ name: "two", split: "train", shape: [2, width, 1], images: Uint8Array.from(values) });
const vectors = (...values: number[]) => examplesOf(Float32Array.from(values), [2]);

describe("examples in memory", () => {
  it("are given by index, in the order asked for", () => {
    const bytes = examplesOf(
      Uint8Array.from({ length: 18 }, (_, i) => i),
      [1, 2, 3],
    );
    expect([bytes.length, bytes.shape]).toEqual([3, [1, 2, 3]]);
    expect([...bytes.load([2, 0, 2])]).toEqual([12, 13, 14, 15, 16, 17, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17]);
    expect(bytes.load([])).toHaveLength(0);
    expect(vectors(1, 2, 3, 4).load([1])).toEqual(Float32Array.of(3, 4));
    expect([...examplesOf(Float32Array.of(5, 6), []).load([1])]).toEqual([6]);
  });

  it("are refused in part, and where there are none", () => {
    expect(() => vectors(1, 2, 3)).toThrow("3 values are not a number of examples of shape [2]");
    for (const index of [-1, 2, NaN]) {
      expect(() => vectors(1, 2, 3, 4).load([0, index])).toThrow(`example ${index} is out of range: there are 2`);
    }
  });

  it("of images are the data set's own bytes, with labels and a name for reports", () => {
    const data = images([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(data).toMatchObject({ name: "two", about: "two", split: "train", length: 2, labels: new Uint8Array(2) });
    expect([data.load([1]), data.gather([1])]).toEqual(Array(2).fill(Uint8Array.of(5, 6, 7, 8)));
  });
});

describe("a digest", () => {
  it("is that of the values: the same for a copy, another for each change of a value, the order or the shape", () => {
    const { digest } = images([1, 2, 3, 4, 5, 6, 7, 8]);
    // Workdirs are bound to it.
    const hash = createHash("sha256")
      .update('["uint8",2,2,2,1]')
      .update(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(digest).toBe(hash.digest("hex"));
    expect(images([1, 2, 3, 4, 5, 6, 7, 8]).digest).toBe(digest);
    const others = [
      images([1, 2, 3, 4, 5, 6, 7, 9]),
      images([5, 6, 7, 8, 1, 2, 3, 4]),
      images([1, 2, 3, 4, 5, 6, 7, 8], 4),
      images([1, 2, 3, 4]),
    ];
    expect(new Set([digest, ...others.map((other) => other.digest)]).size).toBe(5);
    expect(vectors(1, 2, 3, 4).digest).toBe(vectors(1, 2, 3, 4).digest);
    expect(vectors(1, 2, 3, 4).digest).not.toBe(vectors(1, 2, 3, 4.5).digest);
  });

  it("of prepared images follows them, not their folder; what is held out is part of it", async () => {
    const from = pngFolder(8, 4);
    const [out, moved] = [await prepared("--format", "folder", "--from", from), join(temporaryFolder(), "moved")];
    cpSync(out, moved, { recursive: true });
    const other = await prepared("--format", "folder", "--from", pngFolder(9, 4));
    const open = async (folder: string, fraction = 0.25) => {
      const { train, test } = await openSplits(folder, fraction);
      for (const part of [train, test]) part.close();
      return [train.digest, test.digest];
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
