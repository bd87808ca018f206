import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { folderRegistry, pipelineName } from "../../src/cli/registry.ts";
import { skeleton, writeSkeleton } from "../../src/cli/skeleton.ts";
import { temporaryFolder } from "./fixture.ts";

describe("writeSkeleton", () => {
  it("writes a pipeline that needs scorestream alone", () => {
    const folder = temporaryFolder();
    writeSkeleton("mine", folder);
    const text = readFileSync(join(folder, "mine.ts"), "utf8");
    const packages = [...text.matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
    expect(packages).toEqual(["node:path", "scorestream"]);
  });

  it("leaves a file that is there, and refuses what is no name", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "mine.ts"), "kept");
    expect(() => writeSkeleton("mine", folder)).toThrow("already exists");
    expect(readFileSync(join(folder, "mine.ts"), "utf8")).toBe("kept");
    for (const name of [undefined, "", "../mine", "a b", "new"]) {
      const said = `new: ${JSON.stringify(name ?? "")} is not a valid name for a pipeline`;
      expect(() => writeSkeleton(name, folder)).toThrow(said);
    }
  });
});

describe("a pipeline given by its path", () => {
  it("is loaded from there, and named by its file", async () => {
    const file = join(temporaryFolder(), "mine.ts");
    writeFileSync(file, `export default { summary: "mine", reaches: "", defaults: {}, presets: {}, run() {} };\n`);
    expect((await folderRegistry().load(file)).summary).toBe("mine");
    expect(pipelineName(file)).toBe("mine");
    expect(pipelineName("cifar10")).toBe("cifar10");
  });

  it("is refused when there is no such file", async () => {
    await expect(folderRegistry().load("./none.ts")).rejects.toThrow("./none.ts: there is no such file");
  });
});

it("type-checks", { timeout: 120_000 }, () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const path = join(root, "pipelines/mine.ts");
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), (file) => ts.sys.readFile(file)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  // The skeleton as if it lay among the pipelines.
  host.fileExists = (file) => file === path || fileExists(file);
  host.getSourceFile = (file, ...rest) =>
    file === path ? ts.createSourceFile(file, skeleton("mine"), ts.ScriptTarget.ES2023) : getSourceFile(file, ...rest);
  const program = ts.createProgram([path], options, host);
  const found = program.getSemanticDiagnostics(program.getSourceFile(path));
  expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
});
