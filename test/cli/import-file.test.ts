/** Packages that a user's file imports and that are not there. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageMissing } from "../../src/cli/import-file.ts";
import { temporaryFolder } from "./fixture.ts";

const root = join(import.meta.dirname, "../..");

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
