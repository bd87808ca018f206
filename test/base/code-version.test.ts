import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { codeVersion } from "../../src/base/code-version.ts";
import { temporaryFolder } from "../cli/fixture.ts";

/** A pipeline with a file that it imports; returns the version of the code with it. */
function versionWith(pipeline: string, beside: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "sde.ts"), beside);
  writeFileSync(join(folder, "mine.ts"), `import { beta } from "./sde.ts";\nimport "rxjs";\n${pipeline}`);
  return codeVersion(join(folder, "mine.ts"));
}

it("is the same for the same pipeline in another folder, and another one for a changed file or one it imports", () => {
  const version = versionWith("export default beta;", "export const beta = 20;");
  expect(version).toMatch(/^\d+\.\d+\.\d+\+[0-9a-f]{12}$/);
  expect(versionWith("export default beta;", "export const beta = 20;")).toBe(version);
  expect(versionWith("export default -beta;", "export const beta = 20;")).not.toBe(version);
  expect(versionWith("export default beta;", "export const beta = 21;")).not.toBe(version);
  expect(codeVersion()).not.toBe(version);
});
