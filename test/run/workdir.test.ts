import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryPath } from "../../src/base/temporary.ts";
import { openWorkdir } from "../../src/run/workdir.ts";
import { temporaryFolder } from "../monitor/fixture.ts";

it("a workdir is rid of what a killed process was writing, and says so", () => {
  const workdir = temporaryFolder();
  mkdirSync(join(workdir, "checkpoints"));
  const forsaken = join(workdir, "checkpoints/.checkpoint_5.arrow.8.tmp");
  const own = temporaryPath(join(workdir, "checkpoints/checkpoint_6.arrow"));
  for (const path of [forsaken, own]) writeFileSync(path, "piece");
  const told: string[] = [];
  const unlock = openWorkdir(workdir, (text) => told.push(text));
  unlock();
  expect(told).toEqual(["removed unfinished files of a killed process: checkpoints/.checkpoint_5.arrow.8.tmp"]);
  expect([existsSync(forsaken), existsSync(own)]).toEqual([false, true]);
});
