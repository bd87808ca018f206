import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { packTar } from "modern-tar";
import { describe, expect, it } from "vitest";
import { MAX_RECORD_BYTES } from "../../../src/data/sources/limits.ts";
import { openWebDataset } from "../../../src/data/sources/webdataset.ts";
import { badOf, expected, pattern, readAll, temporaryFolder, withoutNames } from "./fixture.ts";

const png = (i: number) => encode({ width: 6, height: 4, channels: 3, data: Uint8Array.from(pattern(i, 4, 6, 3)) });

async function archive(path: string, members: readonly (readonly [string, Uint8Array | string])[]): Promise<void> {
  const entries = members.map(([name, body]) => ({
    header: { name, size: body.length, type: "file" as const },
    body,
  }));
  writeFileSync(path, await packTar(entries));
}

const open = (path: string, more = {}) => openWebDataset({ path, split: "train", ...more });

describe("openWebDataset", () => {
  it("reads images and classes of all shards, in folders or not, and passes other files over", async () => {
    const folder = temporaryFolder();
    const first = [["a/0.json", "{}"], ["a/0.png", png(0)], ["a/0.cls", "3"], ["a/1.cls", "1\n"], ["a/1.png", png(1)]] as const; // prettier-ignore
    await archive(join(folder, "train-000000.tar"), first);
    await archive(join(folder, "train-000001.tar"), [["2.0.seg.png", "no image"], ["3.png", png(2)], ["3.cls", "4"]]); // prettier-ignore
    const all = await readAll(await open(folder));
    expect(withoutNames(all)).toEqual(expected([3, 1, 4], [4, 6, 3]));
    expect(all[1]!.name).toBe(`${join(folder, "train-000000.tar")}: entry 4, a/1.png`);
    await expect(open(folder, { split: "test" })).rejects.toThrow(/no split test; found: train/);
  });

  it("names what is wrong with a sample, and reads the next", async () => {
    const path = join(temporaryFolder(), "a.tar");
    await archive(path, [["0.png", png(0).subarray(0, 60)], ["1.png", png(1)], ["1.cls", "cat"], ["2.png", png(2)]]); // prettier-ignore
    const all = await readAll(await open(path));
    expect(badOf(all).map(({ where }) => where)).toEqual([`${path}: entry 0, 0.png`, `${path}: entry 2, 1.cls`]);
    expect(badOf(all)[1]!.message).toMatch(/the label "cat" is not an integer\n.*--label-column none/);
    expect(all[2]!.data).toEqual(pattern(2, 4, 6, 3));
    const without = await readAll(await open(path, { labelColumn: "none" }));
    expect(badOf(without)).toHaveLength(1);
    expect(without.every(({ label }) => label === undefined)).toBe(true);
  });

  it.each([
    ["a.tgz", true],
    ["a.TAR.GZ", true],
    ["a.tar", true],
    ["a.tar.gz", false],
  ])("reads %s, packed by gzip: %s", async (name, isPacked) => {
    const path = join(temporaryFolder(), name);
    await archive(path, [["0.png", png(0)], ["0.cls", "3"]]); // prettier-ignore
    if (isPacked) writeFileSync(path, gzipSync(readFileSync(path)));
    expect(withoutNames(await readAll(await open(path)))).toEqual(expected([3], [4, 6, 3]));
  });

  it("knows images by the endings that they have in folders", async () => {
    const path = join(temporaryFolder(), "a.tar");
    await archive(path, [["0.JFIF", png(0)], ["1.jpe", png(1)]]); // prettier-ignore
    expect(withoutNames(await readAll(await open(path)))).toEqual(expected([undefined, undefined], [4, 6, 3]));
  });

  it("passes over a film beside an image, whatever its size, but not an image of such a size", async () => {
    const path = join(temporaryFolder(), "a.tar");
    const large = new Uint8Array(MAX_RECORD_BYTES + 1);
    await archive(path, [["0.png", png(0)], ["0.mp4", large], ["0.cls", "3"], ["1.png", large]]); // prettier-ignore
    const all = await readAll(await open(path));
    expect(withoutNames(all.slice(0, 1))).toEqual(expected([3], [4, 6, 3]));
    expect(badOf(all).map(({ message }) => message)).toEqual([
      expect.stringContaining(`${path}: entry 3, 1.png: ${large.length} bytes are too many for an image`),
    ]);
  });

  it("says that there is no image, and takes the ending that is named", async () => {
    const path = join(temporaryFolder(), "a.tar");
    await archive(path, [["0.data", png(0)], ["0.kind", "7"]]); // prettier-ignore
    expect(badOf(await readAll(await open(path)))[0]!.message).toMatch(/a\.tar: no image in it\n.*--image-column/);
    const named = await readAll(await open(path, { imageColumn: "data", labelColumn: "kind" }));
    expect(withoutNames(named)).toEqual(expected([7], [4, 6, 3]));
  });
});
