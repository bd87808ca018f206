import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isPrepared, openSplits } from "../../../src/data/prepare/open-splits.ts";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import type { Source } from "../../../src/data/sources/source.ts";
import { made, temporaryFolder, valuesOf } from "./fixture.ts";

const write = (source: Source, directory: string, skipBad = false) =>
  prepare(source, { directory, shardBytes: 600, skipBad });
const range = (length: number) => Array.from({ length }, (_, i) => i);

describe("openSplits", () => {
  it("opens the training images and those for evaluation", async () => {
    const folder = temporaryFolder();
    expect(isPrepared(folder)).toBe(false);
    await write(made({ length: 12 }), join(folder, "train"));
    await write({ ...made({ length: 5 }), split: "validation" }, join(folder, "validation"));
    expect(isPrepared(folder)).toBe(true);
    const { train, test, notes } = await openSplits(folder, 0.5);
    expect(train).toMatchObject({ name: "made", split: "train", length: 12, shape: [4, 5, 3] });
    expect(test).toMatchObject({ name: "made", split: "test", length: 5 });
    expect(notes).toEqual([]);
    expect([...test.gather([4, 0])]).toEqual(valuesOf([4, 0]));
    expect([...(await train.load([11, 3]))]).toEqual(valuesOf([11, 3]));
    expect(train.digest).not.toBe(test.digest);
    train.close();
    test.close();
  });

  it.each([
    [0.5, 2],
    [0.25, 4],
    [0.1, 10],
  ])("holds a fraction of %d out where there is no test split: every %dth image", async (fraction, every) => {
    const nth = { 2: "2nd", 4: "4th", 10: "10th" }[every];
    const folder = temporaryFolder();
    await write(made({ length: 23 }), folder);
    const { train, test, notes } = await openSplits(folder, fraction);
    const held = range(23).filter((i) => i % every === every - 1);
    const kept = range(23).filter((i) => !held.includes(i));
    expect([...test.gather(range(test.length))]).toEqual(valuesOf(held));
    expect([...(await train.load(range(train.length)))]).toEqual(valuesOf(kept));
    expect(train.length + test.length).toBe(23);
    expect(notes).toEqual([
      expect.stringMatching(`every ${nth} image is held out for evaluation, ${held.length} of 23`),
    ]);
    expect(() => test.gather([test.length])).toThrow(/out of range/);
    await expect(train.load([-1])).rejects.toThrow(/out of range/);
    train.close();
  });

  it.each([
    [3, 0.05, /3 images are too few to hold every 20th out.*\n.*hold out more with --set data.testFraction=0.5$/],
    [1, 0.5, /1 image is too few to hold every 2nd out.*\n.*prepare more images, or a test split$/],
  ])("refuses to hold out of %d, with what helps", async (length, fraction, message) => {
    const folder = temporaryFolder();
    await write(made({ length }), folder);
    await expect(openSplits(folder, fraction)).rejects.toThrow(message);
  });

  it.each(["val", "valid", "dev", "eval", "testing"])("takes the folder %s for evaluation", async (name) => {
    const folder = temporaryFolder();
    await write(made({ length: 12 }), join(folder, "training"));
    await write({ ...made({ length: 5 }), split: name }, join(folder, name));
    const { train, test, notes } = await openSplits(folder, 0.5);
    expect([train.length, test.length, notes]).toEqual([12, 5, []]);
    train.close();
    test.close();
  });

  it("names the splits that are there when the training images are missing", async () => {
    const folder = temporaryFolder();
    await write({ ...made({ length: 5 }), split: "test" }, join(folder, "test"));
    expect(isPrepared(folder)).toBe(true);
    await expect(openSplits(folder, 0.5)).rejects.toThrow(
      /no training images were prepared, only test\n.*--split train .*data\.path=.*test to train/,
    );
  });

  it("refuses splits of two kinds", async () => {
    const folder = temporaryFolder();
    await write(made({ length: 3 }), join(folder, "train"));
    await write(made({ length: 3, shape: [2, 2, 3] }), join(folder, "test"));
    await expect(openSplits(folder, 0.1)).rejects.toThrow(
      /made of \[4, 5, 3\], but those of train are made of \[2, 2, 3\]/,
    );
  });

  it("tells what was left out", async () => {
    const folder = temporaryFolder();
    await write(made({ length: 9, bad: [2, 3] }), join(folder, "train"), true);
    await write(made({ length: 3 }), join(folder, "test"));
    const { notes, manifest, train } = await openSplits(folder, 0.1);
    expect(notes).toEqual([expect.stringMatching(/^2 bad images of train left out when .*train was prepared/)]);
    expect(manifest.skipped).toMatchObject({ count: 2, files: 0 });
    train.close();
  });
});
