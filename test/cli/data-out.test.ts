/** The folder that `npm run data -- prepare` writes to. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { dataMain } from "../../src/cli/data.ts";
import { fixture } from "../data/sources/fixture.ts";
import { temporaryFolder } from "./fixture.ts";

async function prepared(out: string, [format, from] = ["arrays", fixture("stored.npz")]) {
  let said = "";
  const write = (text: string | Uint8Array) => ((said += String(text)), true);
  const argv = ["prepare", "--format", format!, "--from", from!, "--out", out];
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

it("is not the folder of the Arrow files that are read, which may have names of shards", async () => {
  const data = temporaryFolder();
  mkdirSync(join(data, "train"));
  const file = join(data, "train/shard-00000.arrow");
  copyFileSync(fixture("pixels.arrow"), file);
  const link = join(temporaryFolder(), "link");
  symlinkSync(data, link);
  for (const out of [data, link]) {
    const { exitCode, said } = await prepared(out, ["arrow", data]);
    expect(exitCode).toBe(2);
    expect(said).toMatch(/shard-00000\.arrow lies in the folder of the shards, .*train\n +remedy: use another --out/);
  }
  expect(readFileSync(file)).toEqual(readFileSync(fixture("pixels.arrow")));
  expect(readdirSync(join(data, "train"))).toEqual(["shard-00000.arrow"]);
  expect((await prepared(temporaryFolder(), ["arrow", data])).exitCode).toBe(0);
});

it("may be the folder of the images, or lie in it", async () => {
  const images = temporaryFolder();
  for (const name of ["1.png", "2.png"]) copyFileSync(fixture("colour.png"), join(images, name));
  for (const out of [join(images, "done"), images]) {
    for (const said of ["train: 2 images", "prepared before"]) {
      const again = await prepared(out, ["folder", images]);
      expect([again.exitCode, again.said]).toEqual([0, expect.stringContaining(said)]);
    }
  }
});
