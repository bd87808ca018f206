import { readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { soundFooter, soundStream } from "../../../src/data/formats/arrow-ipc-check.ts";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import { openArrow } from "../../../src/data/sources/arrow.ts";
import { fixture, readAll, temporaryFolder } from "../sources/fixture.ts";

const corpus = (name: string) => fileURLToPath(new URL(`../../../lab/torture/corpus/${name}`, import.meta.url));

/** Reads the images of a file in which one bit is changed. */
async function readWith(path: string, bit: number) {
  const bytes = readFileSync(path);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  const changed = join(temporaryFolder(), "changed.arrow");
  writeFileSync(changed, bytes);
  return readAll(await openArrow({ path: changed, split: "train" }));
}

describe("one changed bit", () => {
  it.each([
    ["slow-arrow-7-119-lists.arrow", 20720],
    ["slow-arrow-7-119-lists.arrow", 21423],
    ["slow-arrow-7-122-zstd.arrow", 16132],
    ["slow-arrow-7-122-zstd.arrow", 16317],
  ])("of %s, bit %i, that made Arrow JS turn for ever, is bad data", { timeout: 5000 }, async (name, bit) => {
    const last = (await readWith(corpus(name), bit)).at(-1);
    expect(last?.bad).toBeInstanceOf(BadDataError);
  });
});

describe("a sound file or stream", () => {
  it.each(["pixels.arrow", "lists.arrow", "lz4.arrow", "zstd.arrow", "nested.arrow", "planes.arrow", "null.arrow"])(
    "of other programs is taken: %s",
    async (name) => {
      const file = await open(fixture(name));
      try {
        await (await soundFooter(file)).requireBatch(0);
        await expect((await soundFooter(file)).requireBatch(99)).rejects.toThrow(RangeError);
      } finally {
        await file.close();
      }
    },
  );

  it("is taken message by message, to its end", async () => {
    const file = await open(fixture("hub.arrow"));
    try {
      const messages = soundStream(file);
      await messages.schema();
      let batches = 0;
      while (await messages.next()) batches++;
      expect(batches).toBeGreaterThan(0);
    } finally {
      await file.close();
    }
  });
});
