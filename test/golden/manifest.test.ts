import { readdirSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { caseNames, directory, GoldenCase, manifest } from "./golden.ts";
import { notYetCovered } from "./not-yet-covered.ts";

const DTYPES: Record<string, string> = {
  F32: "float32",
  F64: "float64",
  I32: "int32",
  I64: "int64",
  U32: "uint32",
  U8: "uint8",
};

describe("golden manifest", () => {
  const tested = readdirSync(fileURLToPath(new URL(".", import.meta.url)))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => name.slice(0, -".test.ts".length));

  it("has a test for every family that is not listed as not yet covered", () => {
    const families = Object.keys(manifest().families);
    expect(families.filter((name) => !tested.includes(name) && !notYetCovered.includes(name))).toEqual([]);
  });

  it("does not list a family as uncovered that has a test", () => {
    expect(notYetCovered.filter((name) => tested.includes(name))).toEqual([]);
  });

  it.each(Object.entries(manifest().files))("%s is the file it describes", (file, { bytes, sha256 }) => {
    const content = readFileSync(join(directory, file));
    expect({ bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") }).toEqual({
      bytes,
      sha256,
    });
  });

  it.each(Object.keys(manifest().families))("describes every tensor of %s", (family) => {
    for (const name of caseNames(family)) {
      const golden = new GoldenCase(family, name);
      const actual = golden.names().map((tensor) => {
        const { shape, dtype } = golden.tensor(tensor);
        return [tensor, shape.join(), DTYPES[dtype]];
      });
      expect(actual).toEqual(Object.entries(golden.entry.tensors).map(([t, e]) => [t, e.shape.join(), e.dtype]));
    }
  });
});
