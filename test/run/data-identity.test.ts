import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readArrowFile } from "../../src/data/formats/arrow-file.ts";
import { readStoredConfig } from "../../src/run/config-file.ts";
import { removeTrained, reportOf, set, tiny, trained } from "./images/evaluation-fixture.ts";

afterAll(removeTrained);

const OTHER = { shift: 7 };
const checkpoints = (workdir: string) => readdirSync(join(workdir, "checkpoints"));
const configOf = (path: string) => JSON.parse(readArrowFile(path).metadata.get("config")!) as { dataDigest?: string };
const evaluation = (workdir: string, ...more: string[]) => ["--mode", "eval", "--workdir", workdir, ...more];

describe("a run is of the data it was trained on", { timeout: 60_000 }, () => {
  it("which config.json, the checkpoints and --json name", async () => {
    const workdir = await trained();
    const { dataDigest } = readStoredConfig(workdir)!;
    expect(dataDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(configOf(join(workdir, "checkpoints", "checkpoint_3.arrow")).dataDigest).toBe(dataDigest);
    expect((await tiny(evaluation(workdir))).summary.dataDigest).toBe(dataDigest);
    expect((await tiny(evaluation(workdir), OTHER)).summary.dataDigest).not.toBe(dataDigest);
  });

  it.each([true, false])("is refused on others, with config.json there: %s; nothing is changed", async (kept) => {
    const workdir = await trained();
    const config = join(workdir, "config.json");
    const before = readFileSync(config, "utf8");
    // The checkpoint knows too.
    if (!kept) rmSync(config);
    const { exitCode, stderr } = await tiny(["--workdir", workdir, "--steps", "6"], OTHER);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`workdir ${workdir} was trained on other data`)]);
    expect(stderr).toContain("remedy: use the data it was trained on");
    expect(stderr).toContain("--allow data continues with these data");
    if (kept) expect(readFileSync(config, "utf8")).toBe(before);
    expect(checkpoints(workdir)).toEqual(["checkpoint_3.arrow"]);
    expect((await tiny(["--workdir", workdir, "--steps", "6"])).exitCode).toBe(0);
  });

  it("goes on with others when --allow data says so, and keeps a record of it", async () => {
    const workdir = await trained();
    const { dataDigest: before } = readStoredConfig(workdir)!;
    const allowed = await tiny(["--workdir", workdir, "--steps", "6", "--allow", "data"], OTHER);
    expect(allowed.exitCode, allowed.stderr).toBe(0);
    expect(allowed.stderr).toContain("training continues with other data from step 3 on, as --allow data says");
    const { dataDigest: after, dataChanges } = readStoredConfig(workdir)!;
    expect(after).not.toBe(before);
    expect(dataChanges).toEqual([{ step: 3, before, after }]);
    expect(configOf(join(workdir, "checkpoints", "checkpoint_6.arrow")).dataDigest).toBe(after);
    // From now on these are its data, and the record stays.
    expect((await tiny(["--workdir", workdir, "--steps", "7"], OTHER)).exitCode).toBe(0);
    expect(readStoredConfig(workdir)!.dataChanges).toEqual(dataChanges);
    expect((await tiny(["--workdir", workdir, "--steps", "8"])).exitCode).toBe(2);
  });

  it("and keeps no record of a change of which no step is left", async () => {
    const workdir = await trained();
    const allowed = ["--workdir", workdir, "--steps", "6", "--allow", "data"];
    const changes = () => readStoredConfig(workdir)!.dataChanges?.length ?? 0;
    // Killed before its first checkpoint, as it were.
    const killed = async () => {
      expect((await tiny(allowed, OTHER)).exitCode).toBe(0);
      for (const name of checkpoints(workdir)) if (name !== "checkpoint_3.arrow") rmSync(join(workdir, "checkpoints", name)); // prettier-ignore
      return changes();
    };
    expect([await killed(), await killed()]).toEqual([1, 1]);
    expect((await tiny(["--workdir", workdir, "--steps", "6"])).exitCode).toBe(0);
    expect(changes()).toBe(0);
  });

  it("and --allow knows nothing else", async () => {
    const { exitCode, stderr } = await tiny(["--allow", "everything"]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("--allow everything: there is no such change")]);
  });
});

describe("an evaluation is of the data it was made on", { timeout: 60_000 }, () => {
  it("on others at the same place it begins anew, in the middle too, and says that they are others", async () => {
    const workdir = await trained();
    const first = await tiny(evaluation(workdir));
    const other = await tiny(evaluation(workdir), OTHER);
    expect(other.exitCode, other.stderr).toBe(0);
    expect(other.stderr).not.toContain("going on after");
    expect(other.stderr).toContain("note: these are not the data of the training");
    expect(other.summary.bpd).not.toBe(first.summary.bpd);
    const whole = reportOf(workdir);
    await tiny(evaluation(workdir));
    expect((await tiny(evaluation(workdir), { ...OTHER, stopAt: /\(ODE\): 4\/6/ })).exitCode).toBe(143);
    await tiny(evaluation(workdir), { stopAt: /\(ODE\): 4\/6/ });
    await tiny(evaluation(workdir), OTHER);
    expect(reportOf(workdir)).toEqual(whole);
  });

  it("is gone on with where the same data lie elsewhere", async () => {
    const workdir = await trained();
    await tiny(evaluation(workdir), { stopAt: /\(ODE\): 4\/6/ });
    const { stderr } = await tiny(evaluation(workdir, ...set("data.path=elsewhere")));
    expect(stderr).toContain("likelihood (ODE): going on after 4 images");
  });

  it("is not in the report on others, when samples are drawn", async () => {
    const workdir = await trained();
    await tiny(evaluation(workdir));
    expect(reportOf(workdir).bpd).toBeDefined();
    await tiny(["--mode", "sample", "--workdir", workdir], OTHER);
    expect(reportOf(workdir).bpd).toBeUndefined();
  });
});
