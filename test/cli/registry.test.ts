import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listPipelines } from "../../src/cli/help.ts";
import { nearest } from "../../src/run/nearest.ts";
import { folderRegistry } from "../../src/cli/registry.ts";
import { temporaryFolder } from "./fixture.ts";

const PIPELINE = `export default { summary: "one line", reaches: "", defaults: {}, presets: {}, run() {} };\n`;

describe("folderRegistry", () => {
  const folder = () => {
    const path = temporaryFolder();
    writeFileSync(join(path, "good.ts"), PIPELINE);
    writeFileSync(join(path, "broken.ts"), `throw new Error("no luck");\n`);
    writeFileSync(join(path, "empty.ts"), "export {};\n");
    for (const other of ["README.md", "_shared.ts", "types.d.ts", "good.test.ts"]) writeFileSync(join(path, other), "");
    mkdirSync(join(path, "parts"));
    return folderRegistry(path);
  };

  it("finds the files that are pipelines, and loads one", async () => {
    expect(await folder().names()).toEqual(["broken", "empty", "good"]);
    expect((await folder().load("good")).summary).toBe("one line");
  });

  it("lists the others when one cannot be loaded", async () => {
    expect(await listPipelines(folder())).toEqual([
      { name: "broken", summary: "(cannot be loaded: no luck)" },
      { name: "empty", summary: expect.stringContaining("exports no pipeline") as string },
      { name: "good", summary: "one line" },
    ]);
  });

  it("refuses names that are none, paths among them", async () => {
    await expect(folder().load("god")).rejects.toThrow('there is no pipeline "god"; nearest: good');
    await expect(folder().load("../good")).rejects.toThrow("there is no pipeline");
  });
});

it("puts the name with the fewest edits first", () => {
  expect(nearest("sdf", ["seeds", "steps", "sde"])[0]).toBe("sde");
  expect(nearest("sed", ["sde", "seed"], 1)).toEqual(["seed"]);
});

it("ignores case", () => {
  expect(nearest("adaM", ["adaX", "adam"], 1)).toEqual(["adam"]);
  expect(nearest("lambda", ["lambdo", "LAMBDA"], 1)).toEqual(["LAMBDA"]);
});

it("puts the nearest name first, by its last part too", () => {
  expect(nearest("optim.batchSize", ["optim.beta1", "training.batchSize", "seed"], 1)).toEqual(["training.batchSize"]);
});
