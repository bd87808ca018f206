/** The folder that `npm run data -- prepare` writes to. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { dataMain } from "../../src/cli/data.ts";
import { fixture } from "../data/sources/fixture.ts";
import { temporaryFolder } from "./fixture.ts";

async function prepared(out: string) {
  let said = "";
  const write = (text: string | Uint8Array) => ((said += String(text)), true);
  const argv = ["prepare", "--format", "arrays", "--from", fixture("stored.npz"), "--out", out];
  const exitCode = await dataMain(argv, { stdout: { write }, stderr: { write } } as Parameters<typeof dataMain>[1]);
  return { exitCode, said };
}

it("is named where it cannot be made, with another --out", async () => {
  const out = join(temporaryFolder(), "file");
  writeFileSync(out, "");
  const { exitCode, said } = await prepared(out);
  expect(exitCode).toBe(2);
  expect(said).toMatch(/folder .*file.train cannot be written: .*\n +remedy: use a --out that you may write to/);
});

it.each([
  ["of another program", '{"name": "an app"}'],
  ["that is damaged", '{"kind": "scorest'],
])("may have a manifest %s beside the split's own", async (_, text) => {
  const out = temporaryFolder();
  mkdirSync(join(out, "app"));
  writeFileSync(join(out, "app/manifest.json"), text);
  const { exitCode, said } = await prepared(out);
  expect([exitCode, said.includes("error")]).toEqual([0, false]);
  expect(readFileSync(join(out, "README.md"), "utf8")).toContain("train 5");
});
