import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataMain } from "../../src/cli/data.ts";
import { writeFileAtomic } from "../../src/data/formats/arrow-file.ts";
import { zipPieces } from "../../src/data/formats/zip-pieces.ts";
import { byteText } from "../../src/base/format.ts";
import { readManifest } from "../../src/data/prepare/manifest.ts";
import { openShards } from "../../src/data/prepare/open-shards.ts";
import { damaged, fixture, fixtures, pattern } from "../data/sources/fixture.ts";
import { temporaryFolder } from "./fixture.ts";

/** Runs the command line in this process; `signals` may send a signal. */
async function data(words: readonly string[], signals: { on: () => void; off: () => void } = { on() {}, off() {} }) {
  let [stdout, stderr] = ["", ""];
  const exitCode = await dataMain(words, {
    stdout: { write: (text: string | Uint8Array) => ((stdout += String(text)), true) },
    stderr: { write: (text: string | Uint8Array) => ((stderr += String(text)), true) },
    env: { SCORESTREAM_CACHE: join(temporaryFolder(), "cache") },
    signals,
  } as Parameters<typeof dataMain>[1]);
  return { exitCode, stdout, stderr };
}

interface Told {
  readonly command: string;
  readonly ok?: boolean;
  readonly sets: {
    readonly images: number;
    readonly skipped: number;
    readonly directory: string;
    readonly faults: string[];
  }[];
}

const last = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1)!) as Told;

/** Three images, one of them bad when asked for. */
function photos({ bad = false } = {}): string {
  const folder = temporaryFolder();
  for (const name of ["1.png", "2.png", "3.png"]) copyFileSync(fixture("colour.png"), join(folder, name));
  if (bad) writeFileSync(join(folder, "2.png"), "no image");
  return folder;
}

const prepareArrays = (out: string, ...more: string[]) =>
  data(["prepare", "--format", "arrays", "--from", fixture("stored.npz"), "--out", out, ...more]);

describe("npm run data -- prepare", () => {
  it("writes shards that can be read, says what it did, and does it once", async () => {
    const out = temporaryFolder();
    const first = await prepareArrays(out, "--json");
    expect(first.exitCode).toBe(0);
    expect(last(first.stdout)).toMatchObject({
      command: "prepare",
      sets: [{ directory: join(out, "train"), format: "arrays", images: 5, shape: [4, 6, 3], skipped: 0, kept: 0 }],
    });
    expect(first.stderr).toMatch(/^preparing arrays train \.\.\.\n/);
    expect(first.stderr).toMatch(/train: 5 images, [\d.]+ k?B, in /);
    const shards = await openShards(join(out, "train"));
    expect(Array.from(shards.gather([4]))).toEqual(pattern(4, 4, 6, 3));
    expect(Array.from(shards.labels([0, 4]))).toEqual([3, 5]);
    shards.close();
    expect((await prepareArrays(out)).stderr).toMatch(/train: 5 images, prepared before, in /);
  });

  it("prepares all splits of a named data set", async () => {
    const out = temporaryFolder();
    const { exitCode, stdout } = await data([
      "prepare",
      "--format",
      "svhn",
      "--from",
      fixtures,
      "--out",
      out,
      "--size",
      "16",
      "--channels",
      "1",
      "--json",
    ]);
    expect(exitCode).toBe(0);
    expect(last(stdout).sets).toMatchObject([
      { split: "train", images: 4, shape: [16, 16, 1] },
      { split: "test", images: 2, shape: [16, 16, 1] },
    ]);
    const { stdout: text } = await data(["inspect", out]);
    expect(text).toMatch(/data +svhn train\nimages +4 of \[16, 16, 1\]/);
    expect(text).toMatch(/options +size 16, channels 1/);
  });

  it("ends with code 2 at a bad image, or leaves it out and counts it when told", async () => {
    const [from, out] = [photos({ bad: true }), temporaryFolder()];
    const words = ["prepare", "--format", "folder", "--from", from, "--size", "8", "--out", out];
    const refused = await data(words);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/error: .*2\.png: it cannot be decoded: .*\n +remedy: .*--skip-bad/);
    const skipped = await data([...words, "--skip-bad", "--json"]);
    expect(skipped.exitCode).toBe(0);
    expect(last(skipped.stdout).sets).toMatchObject([{ images: 2, skipped: 1 }]);
    expect(skipped.stderr).toMatch(/left out: 1 bad image\n +.*2\.png: it cannot be decoded/);
    expect((await data(["inspect", out])).stdout).toMatch(/left out +1 bad image\n +.*2\.png/);
  });

  it("says what it passed over, also when it was prepared before", async () => {
    const [from, out] = [photos(), temporaryFolder()];
    writeFileSync(join(from, "notes.txt"), "");
    const words = ["prepare", "--format", "folder", "--from", from, "--size", "8", "--out", out];
    const first = await data([...words, "--json"]);
    expect(first.stderr).toMatch(/train: 3 images, .*; passed over: 1 \.txt: not read \(notes\.txt\)\n/);
    expect(last(first.stdout).sets).toMatchObject([{ passedOver: [{ reason: ".txt: not read", count: 1 }] }]);
    expect((await data(words)).stderr).toMatch(/prepared before, in .*; passed over: 1 \.txt/);
    expect((await data(["inspect", out])).stdout).toMatch(/passed over 1 \.txt: not read/);
  });

  it("prepares the splits that names tell, and no images as two splits", async () => {
    const [from, out] = [temporaryFolder(), temporaryFolder()];
    for (const split of ["train", "val"]) {
      mkdirSync(join(from, split));
      copyFileSync(fixture("colour.png"), join(from, split, "1.png"));
    }
    const words = (path: string, ...more: string[]) => ["prepare", "--format", "folder", "--from", path, ...more];
    const both = await data([...words(from, "--out", out, "--json")]);
    expect(last(both.stdout).sets).toMatchObject([{ split: "train" }, { split: "validation" }]);
    const other = temporaryFolder();
    const twice = await data(words(photos(), "--size", "8", "--out", other, "--split", "train", "--split", "test"));
    expect(twice.exitCode).toBe(2);
    expect(twice.stderr).toMatch(
      /split test: these images are the ones that .*train was prepared from, as split train\n.*remedy/,
    );
  });

  it("asks which ImageNet it is", async () => {
    const words = ["prepare", "--format", "imagenet32", "--from", fixtures, "--out", temporaryFolder()];
    const { exitCode, stderr } = await data(words);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /cannot be compared with the other\n +remedy: --version old: .*49,999.*--version new: .*50,000/,
    );
    const counted = await data([...words, "--version", "new", "--split", "test"]);
    expect(counted.stderr).toMatch(/2 images; the new version has 50000 in split test/);
  });

  it("stops at a signal with its code, and goes on when given again", async () => {
    const out = temporaryFolder();
    const listeners = new Map<string, () => void>();
    const at = { on: (name: string, listener: () => void) => void listeners.set(name, listener), off() {} };
    const words = ["prepare", "--format", "folder", "--from", photos(), "--size", "8", "--out", out];
    const running = data(words, at as never);
    listeners.get("SIGTERM")!();
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(143);
    expect(stderr).toMatch(/train: stopped; 0 images are in finished shards; run the same command again to continue/);
    expect((await data(words)).exitCode).toBe(0);
  });

  it("refuses a folder that another is writing to", async () => {
    const out = temporaryFolder();
    mkdirSync(join(out, "train"));
    writeFileSync(join(out, "train/.lock"), JSON.stringify({ pid: 1, host: "elsewhere" }));
    const { exitCode, stderr } = await prepareArrays(out);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /folder .*train is in use by process 1 on elsewhere\n +remedy: wait: 1 min .*, or use another --out/,
    );
    expect(stderr).not.toContain("workdir");
  });

  it.each([
    [["prepare"], /prepare needs --format/],
    [["prepare", "--format", "folder"], /prepare needs --out/],
    [["prepare", "--format", "lmdb", "--out", "x"], /--format lmdb: there is no such format/],
    [["prepare", "--format", "mnist", "--out", "x", "--split", "extra"], /mnist has no such split/],
    [["prepare", "--format", "mnist", "--out", "x", "--split", "../x"], /--split \.\.\/x: expected letters/],
    [["prepare", "--format", "mnist", "--out", "x"], /no file or folder given\n.*--from/],
    [["prepare", "--format", "mnist", "--out", "x", "--size", "0"], /--size 0: expected a whole number/],
    [["prepare", "--format", "mnist", "--out", "x", "--channels", "2"], /--channels.*invalid/],
    [["prepare", "--format", "mnist", "--bogus"], /unknown option '--bogus'/],
    [["inspect"], /missing required argument/],
    [["polish"], /unknown command|too many/],
  ])("explains wrong usage: %j", async (words, message) => {
    const out = temporaryFolder();
    const { exitCode, stderr, stdout } = await data(words.map((word) => (word === "x" ? out : word)));
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\n +remedy: /);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  it("shows its help", async () => {
    for (const words of [[], ["--help"], ["prepare", "-h"]]) {
      const { exitCode, stdout } = await data(words);
      expect(exitCode).toBe(0);
      for (const part of ["prepare", "inspect", "verify", "--skip-bad", "imagenet64", "parquet"]) {
        expect(stdout).toContain(part);
      }
    }
  });
});

describe("npm run data -- inspect and verify", () => {
  it("give the manifest and the state of the shards as JSON", async () => {
    const out = temporaryFolder();
    await prepareArrays(out);
    const manifest = await readManifest(join(out, "train"));
    const inspected = await data(["inspect", join(out, "train"), "--json"]);
    expect(last(inspected.stdout)).toEqual({
      command: "inspect",
      sets: [{ directory: join(out, "train"), ...manifest }],
    });
    const verified = await data(["verify", out, "--json"]);
    expect(verified.exitCode).toBe(0);
    expect(last(verified.stdout)).toMatchObject({ command: "verify", ok: true, sets: [{ images: 5, faults: [] }] });
  });

  it("verify ends with code 2 and names the shard that is cut short", async () => {
    const out = temporaryFolder();
    await prepareArrays(out);
    truncateSync(join(out, "train/shard-00000.arrow"), 50);
    const { exitCode, stderr, stdout } = await data(["verify", out, "--json"]);
    expect(exitCode).toBe(2);
    expect(last(stdout)).toMatchObject({ ok: false, sets: [{ faults: [expect.stringMatching(/cut short/)] }] });
    expect(stderr).toMatch(
      /error: .*shard-00000\.arrow is cut short: 50 of \d+ bytes\n +remedy: run npm run data -- prepare --format/,
    );
    await prepareArrays(out);
    expect((await data(["verify", out])).exitCode).toBe(0);
  });

  it("say that there is nothing prepared", async () => {
    for (const command of ["inspect", "verify"]) {
      const { exitCode, stderr } = await data([command, temporaryFolder()]);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/no manifest\.json in it/);
    }
  });
});

it("names a truncated file in an archive", async () => {
  const from = damaged("valid_32x32.tar", (bytes) => bytes.subarray(0, 2500));
  const words = ["prepare", "--format", "imagenet32", "--version", "old", "--split", "test", "--from", from];
  const { exitCode, stderr } = await data([...words, "--out", temporaryFolder()]);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/valid_32x32\.tar: entry \d.*the archive is damaged or cut short/);
});

it("writes sizes for people", () => {
  expect([0, 999, 1000, 153_803_050, 3.93e9].map(byteText)).toEqual(["0 B", "999 B", "1 kB", "153.8 MB", "3.93 GB"]);
});

describe("npm run data -- prepare of one file with several splits", () => {
  it("prepares each by its arrays, and does it once", async () => {
    const path = join(temporaryFolder(), "keras.npz");
    const header = (shape: string) =>
      Buffer.from(`\x93NUMPY\x01\0v\0${`{'descr': '|u1', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117)}\n`, "latin1"); // prettier-ignore
    const array = (n: number, value: number) => [header(`${n}, 4, 4`), Buffer.alloc(16 * n, value)];
    await writeFileAtomic(path, zipPieces(new Map([["x_train.npy", array(3, 1)], ["x_test.npy", array(2, 9)]]))); // prettier-ignore
    const out = temporaryFolder();
    const words = ["prepare", "--format", "arrays", "--from", path, "--out", out, "--json"];
    const first = await data(words);
    expect(last(first.stdout).sets.map(({ images }) => images)).toEqual([3, 2]);
    const shards = await openShards(join(out, "test"));
    expect(shards.gather([1])[0]).toBe(9);
    shards.close();
    expect((await data(words)).stderr).toMatch(
      /train: 3 images, prepared before.*\n.*test: 2 images, prepared before/s,
    );
  });
});
