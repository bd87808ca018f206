import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { countLines } from "./count-reporter.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const vitest = "Deno" in globalThis ? ["run", "-A", "npm:vitest"] : [join(project, "node_modules/vitest/vitest.mjs")];

/** Runs test files with the reporter; returns the exit code and the last two lines. */
function runTests(files: Record<string, string>) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "count-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.ts`), text);
  const reporter = join(project, "test/setup/count-reporter.ts");
  const options = ["run", "--globals", "--root", folder, "--reporter=default", `--reporter=${reporter}`];
  const { status, stdout } = spawnSync(process.execPath, [...vitest, ...options], { cwd: project, encoding: "utf8" });
  return { status, lines: stdout.trimEnd().split("\n").slice(-2) };
}

test("counts tests, files that cannot be loaded, groups that fail, and what is skipped", () => {
  const { status, lines } = runTests({
    mixed: `test("a", () => {}); test("b", () => {}); test.skip("c", () => {}); test("d", () => { throw new Error("x"); });`,
    unloadable: `import "./absent.ts"; test("never", () => {});`,
    group: `describe("g", () => { beforeAll(() => { throw new Error("x"); }); test("e", () => {}); });`,
  });
  expect(status).toBe(1);
  expect(lines[0]).toMatch(/^\d+ skipped$/);
  // Failed: d, the file and the group.
  expect(lines[1]).toBe("2 passed, 3 failed");
});

test("ends with 0 failed and exit code 0 when all is well", () => {
  const { status, lines } = runTests({ good: `test("a", () => {});` });
  expect({ status, last: lines[1] }).toEqual({ status: 0, last: "1 passed, 0 failed" });
});

test("says nothing of skipped tests when there are none", () => {
  expect(countLines({ passed: 2, failed: 0, skipped: 0 })).toBe("2 passed, 0 failed\n");
  expect(countLines({ passed: 2, failed: 1, skipped: 3 })).toBe("3 skipped\n2 passed, 1 failed\n");
});

test("does not look like a success when there are no tests", () => {
  const { status, lines } = runTests({});
  expect({ status, last: lines[1] }).toEqual({ status: 1, last: "0 passed, 1 failed" });
});
