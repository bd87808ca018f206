import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { requireSoundArrow } from "../../../src/data/formats/arrow-check.ts";
import { writeArrowFile } from "../../../src/data/formats/arrow-file.ts";
import { readArrowMetadata } from "../../../src/data/formats/arrow-metadata.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { openArrowCheckpoint, saveArrowCheckpoint } from "../../../src/training/checkpoints/arrow-checkpoint.ts";
import { readCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { layoutWith, SHAPES, storedCheckpoint, temporaryFile } from "../../training/checkpoints/checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);

describe("requireSoundArrow", () => {
  it("takes what is written: scalars, lists, bytes, metadata", async () => {
    const path = temporaryFile("x.arrow");
    const columns = {
      a: { data: new Float32Array(3), shape: [] },
      b: { data: new Float32Array(12), shape: [2, 2] },
      c: { data: new Uint8Array(9), shape: [3] },
    };
    await writeArrowFile(path, columns, { key: "value", long: "x".repeat(100_000) });
    requireSoundArrow(path);
    expect((await readArrowMetadata(path)).get("key")).toBe("value");
  });

  it("leaves errors of the file system as they are", () => {
    expect(() => requireSoundArrow(temporaryFolder())).toThrow(/^EISDIR/);
  });

  it.each([
    ["the mark before a message", (b: Buffer) => b.writeUInt8(0x7f, 8)],
    ["the footer's length", (b: Buffer) => b.writeInt32LE(0x7fffffff, b.length - 10)],
    ["a negative length", (b: Buffer) => b.writeInt32LE(-5, b.length - 10)],
    ["the end", (b: Buffer) => b.write("BROKEN", b.length - 6)],
  ])("refuses a change of %s", async (_, change) => {
    const path = temporaryFile("x.arrow");
    await saveArrowCheckpoint(path, storedCheckpoint());
    const bytes = readFileSync(path);
    change(bytes);
    writeFileSync(path, bytes);
    expect(() => requireSoundArrow(path)).toThrow(RangeError);
    expect(() => readCheckpoint(path, layout)).toThrow(UsageError);
  });
});

describe("an Arrow checkpoint", () => {
  it("comes back with the configuration, or the fields where that does not imply them", async () => {
    const config = { optim: { lr: 1e-3 }, model: { emaRate: 0.5 }, seed: 9 };
    for (const stored of [storedCheckpoint(config), storedCheckpoint()]) {
      const path = temporaryFile("x.arrow");
      await saveArrowCheckpoint(path, stored);
      expect((await openArrowCheckpoint(path)).fields).toEqual(stored.fields);
      expect((await openArrowCheckpoint(path)).config).toEqual(stored.config);
      expect((await readArrowMetadata(path)).get("config")!.includes("reference")).toBe(!stored.config);
      expect(readCheckpoint(path, layout)).toEqual(stored.snapshot);
    }
  });

  it("with single bytes changed is refused or read, at once", async () => {
    const path = temporaryFile("x.arrow");
    await saveArrowCheckpoint(path, storedCheckpoint());
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at += 5) {
      const changed = Buffer.from(bytes);
      changed[at] = at % 2 ? 0x7f : 0xff;
      writeFileSync(path, changed);
      try {
        expect(readCheckpoint(path, layout)).toEqual(storedCheckpoint().snapshot);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
      }
    }
  });
});
