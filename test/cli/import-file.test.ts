/** Packages that a user's file imports and that are not there. */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { of } from "rxjs";
import { describe, expect, it } from "vitest";
import { packageMissing } from "../../src/cli/import-file.ts";
import { commandOf, definePipeline, type RunEvent } from "../../src/run/pipeline.ts";
import { pipeline, temporaryFolder } from "./fixture.ts";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/** What Node says when a file of `folder` requires a package. */
function failureOf(folder: string, name: string): unknown {
  try {
    return createRequire(join(folder, "mine.cjs"))(name);
  } catch (error) {
    return error;
  }
}

describe("a file that imports a package which is not installed", () => {
  it.each([
    ["scorestream", "scorestream", `ln -s ${root} `],
    ["scorestream/data", "scorestream", `ln -s ${root} `],
    ["rxjs", "rxjs", `ln -s ${join(root, "node_modules/rxjs")} `],
    ["no-such-package/part", "no-such-package", "npm install no-such-package in "],
    ["@no-such/package", "@no-such/package", "npm install @no-such/package in "],
  ])("is told how to get %s", (imported, name, remedy) => {
    const folder = temporaryFolder();
    const path = join(folder, "mine.ts");
    const error = packageMissing(path, failureOf(folder, imported));
    expect(error?.message).toContain(`${path}: the package ${name} is not installed in its folder\n  remedy: `);
    expect(error?.remedy).toContain(remedy);
    expect(error?.remedy).toContain(folder);
  });

  it("is told so for ECMAScript modules", () => {
    const message = "Cannot find package 'rxjs' imported from /photos/mine.mts";
    const error = packageMissing(
      "/photos/mine.mts",
      Object.assign(new Error(message), { code: "ERR_MODULE_NOT_FOUND" }),
    );
    expect(error?.message).toContain("the package rxjs is not installed");
  });

  it.each(["./part.ts", "/photos/part.ts"])("is not meant where the file %s is missing", (name) => {
    expect(packageMissing("/photos/mine.ts", failureOf(temporaryFolder(), name))).toBeUndefined();
  });

  it("is not meant by other errors", () => {
    expect(packageMissing("/photos/mine.ts", new SyntaxError("Cannot find module 'rxjs'"))).toBeUndefined();
  });
});

describe("a file in a folder without a package.json", () => {
  // Deno has no packages of folders.
  const itInNode = it.skipIf("Deno" in globalThis);
  itInNode("has the scorestream of the program, as do the files that it imports", { timeout: 60_000 }, () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules/scorestream"));
    writeFileSync(join(folder, "mine.ts"), `import { why } from "./why.ts";\nexport default { run: why() };\n`);
    const why = `import { UsageError } from "scorestream";\nexport const why = (): never => { throw new UsageError("no luck", "buy some"); };\n`;
    writeFileSync(join(folder, "why.ts"), why);
    const argv = ["--import", "tsx", join(root, "src/cli/main.ts"), join(folder, "mine.ts")];
    const { status, stderr } = spawnSync(process.execPath, argv, { cwd: root, encoding: "utf8" });
    expect([status, stderr]).toEqual([2, expect.stringContaining("error: no luck\n  remedy: buy some\n")]);
    // Of an error that it does not know, the program tells the name and how to find it.
    expect(stderr).not.toContain("SCORESTREAM_DEBUG");
  });
});

it("is named by its path in the commands of remedies", async () => {
  const told = definePipeline({
    summary: "",
    reaches: "",
    run: (context) => of<RunEvent>({ type: "message", text: commandOf(context) }),
  });
  const registry = { names: async () => [], load: async () => told };
  const { stderr } = await pipeline(["./elsewhere/my pipe.ts", "--workdir", temporaryFolder()], { registry });
  expect(stderr).toContain("npm run pipeline './elsewhere/my pipe.ts' --\n");
  expect(commandOf({ name: "count" })).toBe("npm run pipeline count --");
});
