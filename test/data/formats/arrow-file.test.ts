import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readArrowFile, writeArrowFile, writeFileAtomic } from "../../../src/data/formats/arrow-file.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "arrow-file-"));
  path = join(directory, "data.arrow");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const image = { data: Uint8Array.from({ length: 5 * 12 }, (_, i) => i), shape: [2, 2, 3] };
const label = { data: Uint8Array.of(3, 1, 4, 1, 5), shape: [] };
const weight = { data: Float32Array.of(0.1, -0, Number.NaN, 4, 5), shape: [] };

describe("Arrow files", () => {
  it("brings columns and metadata back as views on the one buffer", async () => {
    await writeArrowFile(path, { image, label, weight }, { source: "test" });
    const { buffer, rows, columns, metadata } = readArrowFile(path);
    expect(rows).toBe(5);
    expect(metadata.get("source")).toBe("test");
    for (const [name, column] of Object.entries({ image, label, weight })) {
      expect(columns.get(name)).toEqual(column);
      expect(columns.get(name)!.data.buffer).toBe(buffer);
    }
  });

  it("is read by Arrow itself", async () => {
    await writeArrowFile(path, { image, label });
    const table = tableFromIPC(readFileSync(path));
    expect(String(table.schema)).toBe("Schema<{ 0: image: FixedSizeList[12]<Uint8>, 1: label: Uint8 }>");
    expect(table.get(2)!.toJSON()["label"]).toBe(4);
    expect([...(table.get(4)!.toJSON()["image"] as Iterable<number>)]).toEqual([...image.data.subarray(48)]);
  });

  it("refuses columns of different lengths, and writes nothing", async () => {
    const short = { data: label.data.subarray(1), shape: [] };
    await expect(writeArrowFile(path, { image, label: short })).rejects.toThrow(/image, label have 5, 4 rows/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("refuses truncated and foreign files by name", async () => {
    await writeArrowFile(path, { image, label });
    const size = readFileSync(path).length;
    for (const length of [size - 1, size - 200, 100, 4, 0]) {
      truncateSync(path, length);
      expect(() => readArrowFile(path), `${length} bytes`).toThrow(RangeError);
      expect(() => readArrowFile(path), `${length} bytes`).toThrow(path);
    }
    writeFileSync(path, "no arrow here, only words and more words");
    expect(() => readArrowFile(path)).toThrow(RangeError);
    expect(() => readArrowFile(join(directory, "none"))).toThrow(/ENOENT/);
  });
});

describe("writeFileAtomic", () => {
  it("keeps the old file, and no other, when writing fails half way", async () => {
    await writeFileAtomic(path, [Uint8Array.of(1, 2), Uint8Array.of(3)]);
    const failing = function* () {
      yield Uint8Array.of(9);
      throw new Error("power cut");
    };
    await expect(writeFileAtomic(path, failing())).rejects.toThrow("power cut");
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    expect(readdirSync(directory)).toEqual(["data.arrow"]);
  });

  it("syncs and closes the file before it has its name, and the folder after", async () => {
    const file = await open(directory, "r");
    const prototype = Object.getPrototypeOf(file) as typeof file;
    await file.close();
    const calls: string[] = [];
    const { sync } = prototype;
    const spy = vi.spyOn(prototype, "sync").mockImplementation(async function (this: typeof file) {
      const what = (await this.stat()).isDirectory() ? "the folder" : "the file";
      const note = (name: string) => calls.push(`${name} ${what}, ${existsSync(path) ? "named" : "not named"}`);
      const { close } = this;
      this.close = async () => {
        await close();
        note("close");
      };
      await sync.call(this);
      note("sync");
    });
    try {
      await writeFileAtomic(path, [Uint8Array.of(1)]);
    } finally {
      spy.mockRestore();
    }
    expect(calls).toEqual([
      "sync the file, not named",
      "close the file, not named",
      "sync the folder, named",
      "close the folder, named",
    ]);
  });
});
