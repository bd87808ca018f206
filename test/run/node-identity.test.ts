import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { IDENTITY_FILE, nodeIdentity } from "../../src/run/node-identity.ts";
import { temporaryFolder } from "../cli/fixture.ts";

it("names a workdir once, for as long as it is", () => {
  const [workdir, other] = [join(temporaryFolder(), "not", "there"), temporaryFolder()];
  const name = nodeIdentity(workdir);
  expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(nodeIdentity(workdir)).toBe(name);
  expect(readFileSync(join(workdir, IDENTITY_FILE), "utf8")).toBe(`${name}\n`);
  expect(nodeIdentity(other)).not.toBe(name);
  rmSync(join(workdir, IDENTITY_FILE));
  expect(nodeIdentity(workdir)).not.toBe(name);
});

it("names it anew where a machine stopped before the name was written", () => {
  const workdir = temporaryFolder();
  writeFileSync(join(workdir, IDENTITY_FILE), "");
  const name = nodeIdentity(workdir);
  expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(nodeIdentity(workdir)).toBe(name);
});

it("says what the file system says where it can name none", () => {
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "");
  expect(() => nodeIdentity(file)).toThrow(/EEXIST|ENOTDIR/);
});
