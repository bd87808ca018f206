import { describe, expect, it } from "vitest";
import { codeBlocks, markdownFiles } from "./markdown.ts";
import { examplesOf, publicNames } from "./doors.ts";
import { typeErrors } from "./type-check.ts";

const files = markdownFiles("README.md", "CONTRIBUTING.md", "docs");
const blocks = files
  .flatMap(codeBlocks)
  .filter(({ language }) => language === "ts")
  .map(({ file, line, code }) => ({ place: `${file}:${line}`, code }));

const doors = ["src/index.ts", "src/data/index.ts", "src/likelihood.ts", "src/node.ts"];
const names = doors.flatMap(publicNames);
const operators = names.filter(({ isOperator }) => isOperator);
const examples = names.flatMap(({ name, comment }) =>
  examplesOf(comment).map((code) => ({ place: `@example of ${name}`, code })),
);

const wrong = [
  { place: "wrong order", code: "dataBatches.pipe(perturb(sde, { seed: 1 }));" },
  { place: "no such name", code: 'import { noSuchName } from "scorestream";' },
  { place: "no code", code: "const = 1;" },
];

// One program for all: most of the time goes into the types of the packages.
const errors = typeErrors([...blocks, ...examples, ...wrong]);
const isPlanted = (error: string) => wrong.some(({ place }) => error.startsWith(place));

describe("TypeScript in README, docs and doc comments", () => {
  it("compiles", () => {
    expect(blocks.length).toBeGreaterThan(4);
    expect(errors.filter((error) => !isPlanted(error))).toEqual([]);
  });

  it.each(wrong)("is refused where it is wrong: $place", ({ place }) => {
    expect(errors.filter((error) => error.startsWith(`${place} line 1: `))).not.toEqual([]);
  });
});

describe("doc comments", () => {
  it("are there for every public name", () => {
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter(({ comment }) => comment === "").map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });

  it("have an example for every operator", () => {
    expect(operators.map(({ name }) => name)).toEqual(expect.arrayContaining(["adam", "perturb", "priorBatches"]));
    const without = operators.filter(({ comment }) => examplesOf(comment).length === 0);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it("name what an operator throws or returns", () => {
    const without = operators.filter(({ comment }) => !/@returns|@throws|@see/.test(comment));
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it("begin with a verb or a noun", () => {
    const begun = names.map(({ name, comment }) => `${name}: ${comment.replace(/^\/\*\*[\s*]*/, "").split("\n")[0]}`);
    expect(begun.filter((line) => /^\w+: (What|Who|How|Where|The same|Of|As) /.test(line))).toEqual([]);
  });
});
