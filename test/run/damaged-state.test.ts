import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readNpz } from "../../src/data/formats/npz.ts";
import { removeTrained, set, tiny, trained } from "./images/evaluation-fixture.ts";

afterAll(removeTrained);

const evaluation = (workdir: string) => ["--mode", "eval", "--workdir", workdir, ...set("eval.loss=false")];
const rewrite = (path: string, change: (text: string) => string) => writeFileSync(path, change(readFileSync(path, "utf8"))); // prettier-ignore

describe("a changed digit gives no other number", { timeout: 60_000 }, () => {
  it("in the values of an evaluation: it is named, and its images are evaluated anew", async () => {
    const workdir = await trained();
    const { bpd } = (await tiny(evaluation(workdir))).summary;
    const file = join(workdir, "eval", "bpd.jsonl");
    rewrite(file, (text) => text.replace(/("values":\[[^,\]]*)\d/, (all, start: string) => start + (all.endsWith("1") ? "2" : "1"))); // prettier-ignore
    const again = await tiny(evaluation(workdir));
    expect([again.exitCode, again.summary.bpd]).toEqual([0, bpd]);
    expect(again.stderr).toContain(`warning: ${file}: line 2 is damaged: its images and those after it are evaluated`);
  });

  it("in partial samples: they are drawn anew", async () => {
    const argv = (workdir: string) => ["--mode", "sample", "--workdir", workdir];
    const [whole, workdir] = [await trained(), await trained()];
    await tiny(argv(whole));
    await tiny(argv(workdir), { stopAt: /samples: 4\/5/ });
    const partial = join(workdir, "samples", "samples_3_partial.bin");
    const bytes = readFileSync(partial);
    bytes[3]! ^= 1;
    writeFileSync(partial, bytes);
    const { stderr, exitCode } = await tiny(argv(workdir));
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining(`warning: ${partial}: batch 1 is damaged`)]);
    const samples = async (folder: string) =>
      (await readNpz(join(folder, "samples", "samples_3.npz"))).get("samples")!.data;
    expect(await samples(workdir)).toEqual(await samples(whole));
  });

  it("in config.json: it is refused, and once removed the settings are those of the checkpoint", async () => {
    const workdir = await trained();
    const before = await tiny(evaluation(workdir));
    const config = join(workdir, "config.json");
    rewrite(config, (text) => text.replace('"betaMax": 20', '"betaMax": 21'));
    const { exitCode, stderr } = await tiny(evaluation(workdir));
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`${config} is damaged`)]);
    expect(stderr).toContain("remedy: remove it to use the settings of its checkpoint");
    rmSync(config);
    for (const name of ["bpd", "bound"]) rmSync(join(workdir, "eval", `${name}.jsonl`));
    const again = await tiny(evaluation(workdir));
    expect([again.exitCode, again.summary.bpd]).toEqual([0, before.summary.bpd]);
    expect(existsSync(config)).toBe(true);
  });

  it("in a config.json without a hash: the checkpoint knows better", async () => {
    const workdir = await trained();
    const config = join(workdir, "config.json");
    rewrite(config, (text) => text.replace(/,\s*"sha256": "\w+"/, "").replace('"betaMax": 20', '"betaMax": 21'));
    const { exitCode, stderr } = await tiny(evaluation(workdir));
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`model.betaMax: 21 there, 20 in the checkpoint\n  remedy: remove ${config}`);
  });
});
