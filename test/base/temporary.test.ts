import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { isForsaken, sweepForsaken, temporaryPath } from "../../src/base/temporary.ts";
import { temporaryFolder } from "../monitor/fixture.ts";

describe("a temporary file", () => {
  it("lies beside the file that it will be, under a name that no other process has", () => {
    const path = temporaryPath("/a/b/config.json");
    expect(dirname(path)).toBe("/a/b");
    expect(basename(path)).toMatch(new RegExp(`^\\.config\\.json\\.${process.pid}-[0-9a-f]{8}\\.tmp$`));
  });

  it.each([".checkpoint_10.arrow.7.tmp", ".config.json.1-0123abcd.tmp", `.samples.png.${process.pid}-00000000.tmp`])(
    "of another process is forsaken once its folder is locked: %s",
    (name) => expect(isForsaken(name)).toBe(true),
  );

  it.each(["checkpoint_10.arrow", ".lock", "notes.7.tmp", ".notes.tmp", ".notes.x.tmp", basename(temporaryPath("a"))])(
    "is none of those: %s",
    (name) => expect(isForsaken(name)).toBe(false),
  );
});

it("what killed processes were writing is removed from a folder and two levels below, and nothing else", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "flowpp/checkpoints/deep"), { recursive: true });
  mkdirSync(join(folder, "seed=1"));
  const forsaken = [".config.json.3-0123abcd.tmp", "flowpp/.x.arrow.8.tmp", "flowpp/checkpoints/.checkpoint_5.arrow.8.tmp"]; // prettier-ignore
  // A run of a sweep that another process works on has its own lock.
  const kept = ["config.json", "flowpp/checkpoints/checkpoint_5.arrow", "flowpp/checkpoints/deep/.a.8.tmp", "seed=1/.lock", "seed=1/.config.json.3-0123abcd.tmp"]; // prettier-ignore
  for (const name of [...forsaken, ...kept]) writeFileSync(join(folder, name), "");
  expect(sweepForsaken(folder).sort()).toEqual(forsaken.toSorted());
  const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(left.map(({ name }) => name).sort()).toEqual(kept.map((name) => basename(name)).sort());
});
