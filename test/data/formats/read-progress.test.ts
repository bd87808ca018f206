import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ProgressFile } from "../../../src/data/formats/progress-file.ts";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { temporaryFolder } from "../../cli/fixture.ts";

it("reads what a progress file wrote, whatever the work, and changes nothing", () => {
  const path = join(temporaryFolder(), "bpd.jsonl");
  const file = new ProgressFile<number[]>(path, { seed: 1, of: [0.1] });
  file.append([1, 2]);
  file.append([3]);
  appendFileSync(path, "[4");
  const before = readFileSync(path);
  expect(readProgress(path)).toEqual({ work: { seed: 1, of: [0.1] }, entries: [[1, 2], [3]] });
  expect(readFileSync(path).equals(before)).toBe(true);
});

it("leaves out a line without its end, though it can be read", () => {
  const path = join(temporaryFolder(), "bpd.jsonl");
  new ProgressFile<number[]>(path, { seed: 1 }).append([1]);
  appendFileSync(path, "[3]");
  expect(readProgress(path)).toEqual({ work: { seed: 1 }, entries: [[1]] });
});

it.each(["", "a poem", "a poem\n", '{"work":1}\nnot json\n'])("finds nothing in %j", (text) => {
  const path = join(temporaryFolder(), "bpd.jsonl");
  writeFileSync(path, text);
  expect(readProgress(path)).toBeUndefined();
});

it("finds nothing where there is no file, and passes other errors on", () => {
  expect(readProgress(join(temporaryFolder(), "bpd.jsonl"))).toBeUndefined();
  expect(() => readProgress(temporaryFolder())).toThrow(/EISDIR/);
});
