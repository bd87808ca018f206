import fs, { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ProgressFile } from "../../../src/data/formats/progress-file.ts";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { temporaryFolder } from "../../cli/fixture.ts";

describe("ProgressFile", () => {
  const work = { seed: 1, of: ["this", 0.1] };

  it("gives back what was appended, bit for bit", () => {
    const path = join(temporaryFolder(), "eval", "bpd.jsonl");
    const values = [Math.fround(0.1), 3.4e38, -0, 5e-324];
    const file = new ProgressFile<number[]>(path, work);
    expect(file.entries).toEqual([]);
    file.append(values);
    file.append([1]);
    expect(file.entries).toEqual([values, [1]]);
    const [first, second] = new ProgressFile<number[]>(path, work).entries;
    expect(first!.map((v) => v + 0)).toEqual(values.map((v) => v + 0));
    expect(second).toEqual([1]);
  });

  it("gives back numbers that are not finite, which JSON does not have", () => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    const entry = { first: 0, values: [NaN, Infinity, -Infinity, 1] };
    new ProgressFile(path, work).append(entry);
    expect(new ProgressFile(path, work).entries).toEqual([entry]);
    expect(readProgress(path)).toEqual({ work, entries: [entry] });
  });

  it("starts anew for other work", () => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    new ProgressFile(path, work).append(1);
    expect(new ProgressFile(path, { ...work, seed: 2 }).entries).toEqual([]);
    expect(new ProgressFile(path, work).entries).toEqual([]);
  });

  it.each(["[3", "[3]", "[3,", "[3]garbage\n[4]\n", "\u00e9"])("drops a line that is not whole: %j", (tail) => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    new ProgressFile(path, work).append([2]);
    appendFileSync(path, tail);
    const file = new ProgressFile<number[]>(path, work);
    expect(file.entries).toEqual([[2]]);
    file.append([5]);
    expect(new ProgressFile(path, work).entries).toEqual([[2], [5]]);
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(4);
  });

  it.each([1, 2, 3, 4])("drops what follows a changed character in line %i, and names the line", (line) => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    const file = new ProgressFile<number[]>(path, work);
    for (const value of [21, 22, 23]) file.append([value]);
    const lines = readFileSync(path, "utf8").split("\n");
    lines[line - 1] = lines[line - 1]!.replace(line === 1 ? "this" : /2(?=\d\])/, line === 1 ? "that" : "3");
    writeFileSync(path, lines.join("\n"));
    const again = new ProgressFile<number[]>(path, work);
    expect(again.entries).toEqual([[21], [22], [23]].slice(0, Math.max(0, line - 2)));
    expect(again.damage).toBe(`${path}: line ${line} is damaged`);
    expect(new ProgressFile<number[]>(path, work).damage).toBeUndefined();
  });

  it("drops lines that follow a missing or doubled one, so that no result counts for another part", () => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    const file = new ProgressFile<number>(path, work);
    for (const value of [1, 2, 3]) file.append(value);
    const [head, first, second, third] = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, [head, first, third, ""].join("\n"));
    expect(new ProgressFile(path, work).entries).toEqual([1]);
    writeFileSync(path, [head, first, second, second, ""].join("\n"));
    expect(new ProgressFile(path, work).entries).toEqual([1, 2]);
  });

  it("starts anew over something else", () => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    writeFileSync(path, "a poem");
    expect(new ProgressFile(path, work).entries).toEqual([]);
  });

  it("has each result on the disk before it goes on", () => {
    const file = new ProgressFile(join(temporaryFolder(), "bpd.jsonl"), work);
    const sync = vi.spyOn(fs, "fsyncSync");
    try {
      file.append(1);
      expect(sync).toHaveBeenCalledTimes(1);
      file.append(2);
      expect(sync).toHaveBeenCalledTimes(2);
    } finally {
      sync.mockRestore();
    }
  });
});
