import { describe, expect, it } from "vitest";
import { codeBlocks, markdownFiles } from "./markdown.ts";
import { typeErrors } from "./type-check.ts";

const files = markdownFiles("README.md", "CONTRIBUTING.md", "docs");
const blocks = files
  .flatMap(codeBlocks)
  .filter(({ language }) => language === "ts")
  .map(({ file, line, code }) => ({ place: `${file}:${line}`, code }));

const wrong = [
  { place: "wrong order", code: "dataBatches.pipe(perturb(sde, { seed: 1 }));" },
  { place: "no such name", code: 'import { noSuchName } from "scorestream";' },
  { place: "no code", code: "const = 1;" },
];

// One program for all: most of the time goes into the types of the packages.
const errors = typeErrors([...blocks, ...wrong]);
const isPlanted = (error: string) => wrong.some(({ place }) => error.startsWith(place));

describe("TypeScript in README and docs", () => {
  it("compiles", () => {
    expect(blocks.length).toBeGreaterThan(4);
    expect(errors.filter((error) => !isPlanted(error))).toEqual([]);
  });

  it.each(wrong)("is refused where it is wrong: $place", ({ place }) => {
    expect(errors.filter((error) => error.startsWith(`${place} line 1: `))).not.toEqual([]);
  });
});
