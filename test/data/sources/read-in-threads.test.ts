/** PNG files that another thread reads and decodes. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import { readInThreads } from "../../../src/data/sources/decode-threads.ts";
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
  expect(await Promise.all([path("a.png"), odd, path("link.png")].map(readInThreads))).toEqual([picture, picture, picture]); // prettier-ignore
});

it("leaves everything else to others, and waits for no FIFO", async () => {
  const damaged = flipByte(Buffer.from(small), small.indexOf("IDAT") + 6);
  const others = { "empty.png": Buffer.alloc(0), "cut.png": small.subarray(0, 60), "damaged.png": damaged };
  const path = files({ ...others, "text.png": Buffer.from("no image"), "large.png": Buffer.alloc(200_000, 1) });
  copyFileSync(fixture("alpha.png"), path("alpha.png"));
  execFileSync("mkfifo", [path("fifo.png")]);
  const names = [...Object.keys(others), "text.png", "large.png", "alpha.png", "fifo.png", "none.png", "."];
  const found = await Promise.all(names.map((name) => readInThreads(path(name))));
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
