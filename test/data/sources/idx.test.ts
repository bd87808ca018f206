import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openMnist } from "../../../src/data/sources/idx.ts";
import { badOf, pattern, readAll, temporaryFolder } from "./fixture.ts";

const shape = [28, 28, 1] as const;
const digits = [5, 0, 4];

/** An idx file, from the description of the format: 0, 0, type, axes; lengths, most significant byte first; values. */
function idx(lengths: readonly number[], values: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * lengths.length);
  head.set([0, 0, 8, lengths.length]);
  lengths.forEach((length, i) => head.writeUInt32BE(length, 4 + 4 * i));
  return Buffer.concat([head, Buffer.from(values)]);
}

const images = idx(
  [3, 28, 28],
  digits.flatMap((_, i) => pattern(i, ...shape)),
);

function folder(given: { readonly train?: Uint8Array; readonly labels?: Uint8Array } = {}): string {
  const { train = gzipSync(images), labels = gzipSync(idx([3], digits)) } = given;
  const path = temporaryFolder();
  writeFileSync(join(path, "train-images-idx3-ubyte.gz"), train);
  writeFileSync(join(path, "train-labels-idx1-ubyte.gz"), labels);
  return path;
}

const open = (path: string, more = {}) => openMnist({ path, split: "train", ...more });

describe("openMnist", () => {
  it("reads the packed files, and those that were unpacked", async () => {
    const packed = folder();
    const source = await open(packed);
    expect(source).toMatchObject({ length: 3, classes: 10 });
    const all = await readAll(source);
    expect(all.map(({ label }) => label)).toEqual(digits);
    expect(all.map(({ data }) => data)).toEqual(digits.map((_, i) => pattern(i, ...shape)));
    expect(all[2]!.shape).toEqual([28, 28, 1]);

    const plain = temporaryFolder();
    writeFileSync(join(plain, "t10k-images.idx3-ubyte"), images);
    writeFileSync(join(plain, "t10k-labels-idx1-ubyte"), idx([3], digits));
    expect((await readAll(await open(plain, { split: "test" }))).map(({ label }) => label)).toEqual(digits);
    // A browser may unpack a file and keep its name.
    const kept = await readAll(await open(folder({ train: images, labels: idx([3], digits) })));
    expect(kept.map(({ label, data }) => [label, data])).toEqual(all.map(({ label, data }) => [label, data]));
  });

  it("resizes to the side asked for", async () => {
    const [first] = await readAll(await open(folder(), { size: 32, channels: 3 }));
    expect(first!.shape).toEqual([32, 32, 3]);
    expect(first!.data).toHaveLength(3072);
  });

  it("refuses labels of another number", async () => {
    const path = folder({ labels: gzipSync(idx([2], [1, 2])) });
    await expect(open(path)).rejects.toThrow(/train-labels-idx1-ubyte\.gz: 2 labels for 3 images/);
  });

  it("names the image where packed data end, not the first of its block", async () => {
    const packed = gzipSync(images, { level: 0 });
    const all = await readAll(await open(folder({ train: packed.subarray(0, packed.length - 500) })));
    expect(all).toHaveLength(3);
    expect(badOf(all)).toMatchObject([{ where: expect.stringMatching(/image 2$/) as string, lost: 1 }]);
    expect(badOf(all)[0]!.reason).toMatch(/damaged at byte \d+: unexpected end of file/);
  });

  it("names the first image that is cut off", async () => {
    const bytes = gzipSync(images);
    const cut = await readAll(await open(folder({ train: bytes.subarray(0, bytes.length - 40) })));
    expect(badOf(cut)[0]!.message).toMatch(/images-idx3-ubyte\.gz: image \d: damaged at byte \d+: unexpected end/);
    const short = await readAll(await open(folder({ train: gzipSync(images.subarray(0, 16 + 784 + 10)) })));
    expect(short).toHaveLength(2);
    expect(badOf(short)[0]).toMatchObject({ lost: 2, reason: "cut short: 2 of 3 images are missing" });
  });

  it("finds more data than the header says, as of a bomb", async () => {
    const all = await readAll(await open(folder({ train: gzipSync(Buffer.concat([images, Buffer.alloc(5000)])) })));
    expect(badOf(all)[0]!.reason).toMatch(/longer than its header says/);
    expect(gunzipSync(gzipSync(images))).toEqual(images);
  });

  it("names a file that is none, and one that is missing", async () => {
    await expect(open(folder({ train: gzipSync(Buffer.alloc(100)) }))).rejects.toThrow(/not an idx file of bytes/);
    await expect(open(folder(), { split: "test" })).rejects.toThrow(/t10k-images-idx3-ubyte\.gz is missing/);
    await expect(open(join(folder(), "train-images-idx3-ubyte.gz"))).rejects.toThrow(/is missing\n.*into one folder/);
  });

  /** Files of EMNIST as it names them: transposed, letters from 1 on. */
  function emnist(...versions: string[]): string {
    const path = temporaryFolder();
    for (const version of versions) {
      for (const split of ["train", "test"]) {
        const write = (name: string, bytes: Buffer) =>
          writeFileSync(join(path, `emnist-${version}-${split}-${name}-ubyte.gz`), gzipSync(bytes));
        write("images-idx3", idx([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
        write("labels-idx1", idx([2], [1, 26]));
      }
    }
    return path;
  }

  it("reads EMNIST under its own names: labels as they are, upright on request", async () => {
    const path = emnist("letters");
    const source = await open(path, { split: "test" });
    expect(source).toMatchObject({ length: 2, classes: 27, version: "letters" });
    const [first, second] = await readAll(source);
    expect([first!.label, second!.label]).toEqual([1, 26]);
    expect(first).toMatchObject({ shape: [2, 3, 1], data: [1, 2, 3, 4, 5, 6] });
    const [upright] = await readAll(await open(path, { transpose: true }));
    expect(upright).toMatchObject({ shape: [3, 2, 1], data: [1, 4, 2, 5, 3, 6] });
  });

  it("asks which of several data sets of EMNIST is meant", async () => {
    const path = emnist("letters", "digits");
    await expect(open(path)).rejects.toThrow(/letters, digits\n.*--version letters/);
    expect(await open(path, { version: "digits" })).toMatchObject({ classes: 10, version: "digits" });
    await expect(open(path, { version: "byclass" })).rejects.toThrow(/no emnist-byclass-train.*found letters, digits/);
  });

  it("needs no labels where none are asked for", async () => {
    const path = folder();
    rmSync(join(path, "train-labels-idx1-ubyte.gz"));
    await expect(open(path)).rejects.toThrow(/train-labels-idx1-ubyte\.gz is missing/);
    const all = await readAll(await open(path, { labelColumn: "none" }));
    expect(all.map(({ label }) => label)).toEqual([undefined, undefined, undefined]);
  });
});
