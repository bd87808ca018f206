import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkpointFormat } from "../../../src/training/checkpoints/checkpoint-formats.ts";
import { temporaryFile } from "./checkpoint-fixture.ts";

function formatOf(...bytes: number[]): string {
  const path = temporaryFile("checkpoint");
  writeFileSync(path, Uint8Array.from(bytes));
  return checkpointFormat(path);
}

const BRACE = 0x7b;

describe("the format of a checkpoint", () => {
  it("is told by its first bytes", () => {
    expect(formatOf(...Buffer.from("ARROW1\0\0"))).toBe("arrow");
    expect(formatOf(64, 1, 0, 0, 0, 0, 0, 0, BRACE)).toBe("safetensors");
  });

  it.each([0x80, 0x8f, 0xde, 0xdf])("is flax for a map that begins with %d", (code) => {
    expect(formatOf(code, 0, 0)).toBe("flax");
  });

  it.each([0x7f, 0x90, 0xdd, 0xe0])("is none for another value that begins with %d", (code) => {
    expect(() => formatOf(code, 0, 0)).toThrow("is not a checkpoint");
  });

  it("is none for a text with a brace, or a length without one", () => {
    expect(() => formatOf(...Buffer.from("function{}"))).toThrow("is not a checkpoint");
    expect(() => formatOf(64, 1, 0, 0, 0, 0, 0, 0, 0)).toThrow("is not a checkpoint");
  });
});
