import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rollbackWorkdir } from "../../src/run/refused.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const write = (folder: string, ...names: string[]) => {
  mkdirSync(folder, { recursive: true });
  for (const name of names) writeFileSync(join(folder, name), "");
};

describe("takingBack", () => {
  it("leaves a folder as it was before the run, there or not", () => {
    const there = temporaryFolder();
    const absent = join(there, "absent");
    const takeBack = [there, absent].map(rollbackWorkdir);
    write(there, "config.json", "log.txt", "metrics.jsonl", "run-id", "run-node", "run-place");
    takeBack[0]!();
    expect(readdirSync(there)).toEqual([]);
    write(absent, "config.json");
    takeBack[1]!();
    expect(existsSync(absent)).toBe(false);
  });

  it("leaves folders that had something before, or have more now", () => {
    const [before, now] = [temporaryFolder(), temporaryFolder()];
    write(before, "config.json");
    const takeBack = [before, now].map(rollbackWorkdir);
    write(now, "config.json", "tensorboard");
    for (const take of takeBack) take();
    expect([before, now].map((folder) => readdirSync(folder))).toEqual([
      ["config.json"],
      ["config.json", "tensorboard"],
    ]);
  });
});
