/** PNG files that another thread reads and decodes. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encode } from "fast-png";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { processors } from "../../../src/base/processors.ts";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import { decodeImage } from "../../../src/data/sources/decode-image.ts";
import { DecodePool, readInThreads, ThreadEndedError } from "../../../src/data/sources/decode-threads.ts";
import { fileEntries, type EntryFile } from "../../../src/data/sources/file-entries.ts";
import { openFolder } from "../../../src/data/sources/folder.ts";
import { pngLayout } from "../../../src/data/sources/png-layout.ts";
import { decodeSmallPng } from "../../../src/data/sources/small-png.ts";
import { fixture, flipByte, temporaryFolder } from "./fixture.ts";

const small = readFileSync(fixture("colour.png"));
const picture = decodeSmallPng(small, pngLayout(small)!);

/** Files of one folder, by name. */
function files(contents: Readonly<Record<string, Uint8Array>>): (name: string) => string {
  const folder = temporaryFolder();
  for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(folder, name), bytes);
  return (name) => join(folder, name);
}

it("gives the pixels of small PNG files, also by a name that is no UTF-8, and through a link", async () => {
  const path = files({ "a.png": small });
  const odd = Buffer.concat([Buffer.from(path("")), Buffer.from([0xfc]), Buffer.from(".png")]);
  writeFileSync(odd, small);
  symlinkSync(path("a.png"), path("link.png"));
  expect(await readInThreads([path("a.png"), odd, path("link.png")])).toEqual([picture, picture, picture]); // prettier-ignore
});

it("keeps pictures of different sizes apart, and what has no picture between them", async () => {
  const drawn = [
    [4, 3, 1],
    [40, 17, 3],
    [9, 100, 3],
    [5, 5, 1],
  ] as const;
  const pictures = drawn.map(([height, width, channels], k) => ({
    data: Uint8Array.from({ length: height * width * channels }, (_, i) => (i * 7 + k * 50) & 255),
    shape: [height, width, channels],
  }));
  const pngs = pictures.map(({ data, shape: [height, width, channels] }) => encode({ width: width!, height: height!, channels: channels!, data })); // prettier-ignore
  const path = files({
    ...Object.fromEntries(pngs.map((png, i) => [`${i}.png`, png])),
    "cut.png": pngs[1]!.subarray(0, 90),
  });
  const found = await readInThreads(["0.png", "1.png", "cut.png", "2.png", "3.png"].map(path));
  expect(found).toEqual([pictures[0], pictures[1], undefined, pictures[2], pictures[3]]);
});

it("leaves everything else to others, and waits for no FIFO", async () => {
  const damaged = flipByte(Buffer.from(small), small.indexOf("IDAT") + 6);
  const others = { "empty.png": Buffer.alloc(0), "cut.png": small.subarray(0, 60), "damaged.png": damaged };
  const path = files({ ...others, "text.png": Buffer.from("no image"), "large.png": Buffer.alloc(200_000, 1) });
  copyFileSync(fixture("alpha.png"), path("alpha.png"));
  execFileSync("mkfifo", [path("fifo.png")]);
  const names = [...Object.keys(others), "text.png", "large.png", "alpha.png", "fifo.png", "none.png", "."];
  const found = await readInThreads(names.map(path));
  expect(found).toEqual(names.map(() => undefined));
});

it("changes neither the pixels nor the faults of a folder", async () => {
  const path = files({});
  const count = 300;
  for (let i = 0; i < count; i++) copyFileSync(fixture("colour.png"), path(`${i}.png`));
  // Amid the others, behind those that are decoded before threads are worth their start.
  writeFileSync(path("299-damaged.png"), flipByte(Buffer.from(small), small.indexOf("IDAT") + 6));
  const source = await openFolder({ path: path(""), split: "train" });
  const loads: Promise<unknown>[] = [];
  for await (const entry of source.entries()) loads.push(Promise.resolve(entry.load()));
  const found = await Promise.allSettled(loads);
  const loaded = found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const faults = found.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  expect(loaded).toEqual(Array.from({ length: count }, () => picture));
  expect(faults).toEqual([expect.any(BadDataError)]);
  expect(String(faults[0])).toMatch(/299-damaged\.png: it cannot be decoded: the checksum of its chunk IDAT is wrong/);
});

describe("entries of files", () => {
  async function* listed(count: number, path: string): AsyncGenerator<EntryFile> {
    for (let i = 0; i < count; i++) yield { path, label: i };
    throw new Error("the list is cut short");
  }

  async function* whole(count: number, path: string): AsyncGenerator<EntryFile> {
    for (let i = 0; i < count; i++) yield { path };
  }

  it("are all given before an error of the list is", async () => {
    const labels: unknown[] = [];
    const all = async () => {
      for await (const { label } of fileEntries(listed(1000, "a.png"), {})) labels.push(label);
    };
    await expect(all()).rejects.toThrow("the list is cut short");
    expect(labels).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it("are read together with those behind them, of which no more than a few hundred are", async () => {
    const path = files({ "a.png": small })("a.png");
    const read = vi.spyOn(DecodePool.prototype, "read");
    onTestFinished(() => void vi.restoreAllMocks());
    let loaded: unknown;
    for await (const entry of fileEntries(whole(1500, path), {})) loaded ??= await entry.load();
    expect(loaded).toEqual(picture);
    const counts = read.mock.calls.map(([paths]) => paths.length);
    // One core decodes by itself; so do others at first.
    if (processors().count > 1) expect(counts.length).toBeGreaterThan(1);
    for (const count of counts) expect(count).toBe(64);
    expect(counts.length).toBeLessThan(8);
  });
});

describe("a thread that ends", () => {
  const mortal = () => new DecodePool(new URL("./mortal-worker.ts", import.meta.url));

  it("is told with its code or its error, for all that it was asked; the next has another thread", async () => {
    const pool = mortal();
    await expect(pool.read(["a.png"])).rejects.toThrow(/has ended with code 7\n {2}remedy: run the same command again/);
    await expect(pool.decode(small)).rejects.toThrow(ThreadEndedError);
    const { count } = processors();
    const asked = [...Array.from({ length: 2 * count }, () => pool.decode(small)), pool.read(["a.png", "b.png"])];
    const found = await Promise.allSettled(asked);
    expect(found.map((one) => one.status === "rejected" && String(one.reason))).toEqual(
      asked.map(() => expect.stringMatching(/ThreadEndedError: .* ended with code 1: out of memory\n/)),
    );
    const one = { data: Uint8Array.of(3), shape: [1, 1, 1] };
    const whole = await Promise.all(Array.from({ length: 3 * count }, () => pool.decode(small)));
    expect(whole).toEqual(whole.map(() => one));
    expect(await pool.read(["a.png", "b.png", "c.png"])).toEqual([one, one, one]);
  });

  it("is no fault of the image, which is not left out for it", async () => {
    vi.spyOn(DecodePool.prototype, "decode").mockRejectedValue(new ThreadEndedError(1, undefined));
    onTestFinished(() => void vi.restoreAllMocks());
    const all = await Promise.allSettled(Array.from({ length: 300 }, () => decodeImage(small, "a.png", {})));
    const last = all.at(-1)!;
    // One core decodes by itself.
    if (processors().count > 1) expect(last).toMatchObject({ reason: expect.any(ThreadEndedError) as unknown });
    else expect(last).toMatchObject({ value: picture });
  });
});

it("an entry that is kept does not keep the files behind it in memory", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const [groups, together] = [20, 64];
  const made: WeakRef<EntryFile>[] = [];
  async function* many(): AsyncGenerator<EntryFile> {
    for (let i = 0; i < groups * together; i++) {
      const file = { path: `${i}.png` };
      made.push(new WeakRef(file));
      yield file;
    }
  }
  let kept: unknown;
  for await (const entry of fileEntries(many(), {})) kept ??= entry;
  // A reference is not let go in the turn of the event loop that made it.
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  expect(kept).toMatchObject({ name: "0.png", load: expect.any(Function) as unknown });
  // Its own group, and at the end the last one.
  expect(made.filter((file) => file.deref()).length).toBeLessThanOrEqual(3 * together);
});
