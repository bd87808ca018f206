import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ProgressFile } from "../../../src/data/formats/progress-file.ts";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { tf } from "../../../src/engine/tf.ts";
import { flowppDequantizer } from "../../../src/models/flowpp/dequantizer.ts";
import { digest, layoutOf } from "../../../src/models/parameters.ts";
import { baseConfig } from "../../../src/run/defaults.ts";
import { readCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import { run } from "../../pipelines/fixture.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { checkpointOf, removeTrained, reportOf, set, testPixels, tiny, trained } from "./evaluation-fixture.ts";
import { expectedOf } from "./linear-expectation.ts";

afterAll(removeTrained);

/** A model evaluated with the defaults. */
async function evaluated(): Promise<string> {
  const workdir = await trained();
  await tiny(["--mode", "eval", "--workdir", workdir]);
  return workdir;
}

describe("an evaluation", { timeout: 120_000 }, () => {
  it("has likelihood, bound and loss of the averaged parameters, both errors, and the evaluations of the network", async () => {
    const workdir = temporaryFolder();
    const average = { b: 0.1, w: 1.1 };
    const settings = set(`checkpoint=${await checkpointOf(average)}`, "training.smallestTime=0.01");
    const { numTensors } = tf.memory();
    const precise = set("eval.repeats=3", "eval.stepControl=image", "eval.rtol=1e-7", "eval.atol=1e-7");
    const { exitCode, summary } = await tiny(["--mode", "eval", "--workdir", workdir, ...settings, ...precise]);
    expect(exitCode).toBe(0);
    expect(tf.memory().numTensors).toBe(numTensors);
    const { bpd, bound, loss, split, perImage, quality, dequantizations } = reportOf(workdir);
    for (const value of [bpd!, bound!, loss!]) {
      expect(value).toMatchObject({ images: 6, repeats: 3 });
      expect(value.standardError).toBeGreaterThan(0);
      expect(value.repeatStandardError).toBeGreaterThan(0);
    }
    const expected = expectedOf(average, 0.01, testPixels());
    expect(Math.abs(bpd!.mean - expected.bpd)).toBeLessThan(5e-3);
    // Three times an image are drawn, and one for the loss.
    expect(Math.abs(bound!.mean - expected.bound)).toBeLessThan(4 * bound!.standardError);
    expect(Math.abs(loss!.mean - expected.loss)).toBeLessThan(4 * loss!.standardError);
    expect(bpd!.evaluations!.min).toBeGreaterThanOrEqual(8);
    expect(bpd!.evaluations!.max).toBeGreaterThanOrEqual(bpd!.evaluations!.mean);
    expect([split, perImage.length, quality]).toEqual(["test", 6, { note: "not measured" }]);
    expect(dequantizations).toEqual({ uniform: { bpd, bound } });
    expect([summary.bpd, summary.bound, summary.evalLoss]).toEqual([bpd!.mean, bound!.mean, loss!.mean]);
    const metrics = readFileSync(join(workdir, "metrics.jsonl"), "utf8");
    for (const name of ["eval/loss", "eval/bpd", "eval/bound"]) expect(metrics).toContain(name);
    expect(readFileSync(join(workdir, "eval", "report.html"), "utf8")).toContain("not measured");
  });

  it("can leave out the loss, and go over the images of the training", async () => {
    const workdir = await evaluated();
    const test = reportOf(workdir);
    const without = await tiny(["--mode", "eval", "--workdir", workdir, ...set("eval.split=train", "eval.loss=false")]);
    expect(without.exitCode).toBe(0);
    const train = reportOf(workdir);
    expect([train.split, train.bpd!.images, train.loss]).toEqual(["train", 16, undefined]);
    expect(train.bpd!.mean).not.toBe(test.bpd!.mean);
    expect(without.summary.evalLoss).toBeUndefined();
    // The evaluation of the test images is still there.
    const again = await tiny(["--mode", "eval", "--workdir", workdir]);
    expect(again.stderr).toContain("going on after 6 images");
    expect(reportOf(workdir)).toEqual(test);
  });

  it("keeps its numbers in the report when samples are drawn after it, with whatever settings", async () => {
    const workdir = await trained();
    await tiny(["--mode", "eval", "--workdir", workdir, ...set("eval.numImages=4", "eval.split=train")]);
    const before = reportOf(workdir);
    const sampled = await tiny(["--mode", "sample", "--workdir", workdir, ...set("model.numScales=7")]);
    expect(sampled.summary.report).toBe(join(workdir, "eval", "report.html"));
    expect(reportOf(workdir)).toEqual(before);
    expect(readFileSync(sampled.summary.report!, "utf8")).toContain('alt="samples"');
    // Of other parameters they would be wrong.
    const others = { ...before, run: { ...before.run, averagedParameters: "of another step" } };
    writeFileSync(join(workdir, "eval", "report.json"), JSON.stringify(others));
    await tiny(["--mode", "sample", "--workdir", workdir]);
    expect([reportOf(workdir).bpd, reportOf(workdir).run["averagedParameters"]]).toEqual([
      undefined,
      before.run["averagedParameters"],
    ]);
    // The summary has those as they are by this name.
    expect([before.run["averagedParameters"], before.run["parameters"]]).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
      undefined,
    ]);
  });

  it("keeps the bound's two forms apart", async () => {
    const workdir = await evaluated();
    const { bound } = reportOf(workdir);
    await tiny(["--mode", "eval", "--workdir", workdir, ...set("eval.boundForm=ssm")]);
    const sliced = reportOf(workdir);
    expect(sliced.bound!.mean).not.toBe(bound!.mean);
    expect((sliced.config as { eval: { boundForm: string } }).eval.boundForm).toBe("ssm");
    expect(readdirSync(join(workdir, "eval"))).toEqual(expect.arrayContaining(["bound.jsonl", "bound_ssm.jsonl"]));
  });

  it("reports both dequantizations once both were evaluated, whichever was the last", async () => {
    const workdir = await evaluated();
    const uniform = reportOf(workdir);
    expect(Object.keys(uniform.dequantizations)).toEqual(["uniform"]);
    const stored = join(workdir, "flowpp_dequantizer", "checkpoints", "checkpoint_2.arrow");
    expect((await tiny(["--mode", "train_deq", "--workdir", workdir])).exitCode).toBe(0);
    const variational = await tiny(["--mode", "eval", "--workdir", workdir, ...set("eval.dequantizer=true")]);
    expect(variational.exitCode, variational.stderr).toBe(0);
    const sizes = { ...baseConfig.dequantizer, filters: 4, components: 2, blocks: 1, heads: 1 };
    const dequantizerLayout = layoutOf(flowppDequantizer("cifar10", [4, 4, 1], sizes).parameters);
    // Drawn by the average, not by the parameters that it is the average of.
    const { parameters, ema } = readCheckpoint(stored, dequantizerLayout);
    const [head] = readFileSync(join(workdir, "eval", "bpd_variational.jsonl"), "utf8").split("\n");
    const { dequantizer } = (JSON.parse(head!) as { work: { dequantizer: string } }).work;
    expect(dequantizer).toBe(digest(dequantizerLayout, ema));
    expect(dequantizer).not.toBe(digest(dequantizerLayout, parameters));
    const both = reportOf(workdir);
    expect(both.bpd!.mean).toBe(variational.summary.bpd);
    expect(both.dequantizations).toEqual({
      uniform: { bpd: uniform.bpd, bound: uniform.bound },
      variational: { bpd: both.bpd, bound: both.bound },
    });
    expect(both.bpd!.mean).not.toBe(uniform.bpd!.mean);
    await tiny(["--mode", "eval", "--workdir", workdir]);
    const last = reportOf(workdir);
    expect([last.bpd, last.dequantizations]).toEqual([uniform.bpd, both.dequantizations]);
    // With other settings, the one evaluated before is another measurement.
    await tiny(["--mode", "eval", "--workdir", workdir, ...set("eval.numImages=4")]);
    expect(Object.keys(reportOf(workdir).dequantizations)).toEqual(["uniform"]);
    // No name stands for two kinds of numbers, and the dequantizer's loss has its unit.
    expect(variational.summary).toMatchObject({ split: "test", dequantization: "variational" });
    const metrics = readFileSync(join(workdir, "metrics.jsonl"), "utf8");
    for (const name of ["eval/bpd", "eval/bpd_variational", "eval/bound_variational", "train_deq/loss"]) {
      expect(metrics).toMatch(new RegExp(`"${name}",.*"bits/dim"`));
    }
  });

  it.each([
    [[], /loss: 2\/6/],
    [["eval.repeats=2"], /\(ODE\): 8\/12/],
    [["eval.split=train", "eval.stepControl=image"], /\(ODE\): 6\/16/],
    [["eval.boundForm=ssm"], /bound: 4\/6/],
  ])("%j stopped at %s goes on to the same report, to the bit", async (settings, stopAt) => {
    const workdir = await trained();
    const argv = ["--mode", "eval", ...set(...settings, "eval.hutchinson=gaussian")];
    const first = await tiny([...argv, "--workdir", workdir], { stopAt });
    expect(first.exitCode).toBe(143);
    expect(first.summary.report).toBeUndefined();
    const second = await tiny([...argv, "--workdir", workdir]);
    expect(second.exitCode).toBe(0);
    expect(second.stderr).toMatch(/going on after \d+ images evaluated before/);
    const whole = await trained();
    expect((await tiny([...argv, "--workdir", whole])).stderr).not.toContain("going on");
    expect(reportOf(workdir)).toEqual(reportOf(whole));
  });
});

/** Rewrites the results as those of other work. */
function begunBy(path: string, change: Record<string, unknown>) {
  const { work, entries } = readProgress(path)!;
  const file = new ProgressFile(path, { ...(work as object), ...change });
  for (const entry of entries) file.append(entry);
}

describe("an evaluation begun by another version", { timeout: 60_000 }, () => {
  const argv = (workdir: string) => ["--mode", "eval", "--workdir", workdir, ...set("eval.loss=false")];

  it.each([[{ code: "0.0.9+0123456789ab" }], [{ engine: "tensorflow 2.9.1" }], [{ code: undefined }]])(
    "%j is refused, and done anew without its file",
    async (change) => {
      const workdir = await trained();
      expect((await tiny(argv(workdir), { stopAt: /\(ODE\): 4\/6/ })).exitCode).toBe(143);
      const file = join(workdir, "eval", "bpd.jsonl");
      begunBy(file, change);
      const before = readFileSync(file, "utf8");
      const { exitCode, stderr } = await tiny(argv(workdir));
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`${file}: 4 of 6 images come from ScoreStream`)]);
      expect(stderr).toContain("remedy: use that version, or remove the file");
      expect(readFileSync(file, "utf8")).toBe(before);
      rmSync(file);
      const anew = await tiny(argv(workdir));
      expect([anew.exitCode, anew.stderr]).toEqual([0, expect.not.stringContaining("going on")]);
    },
  );

  it("and ended by it is done again", async () => {
    const workdir = await evaluated();
    const { bpd } = reportOf(workdir);
    begunBy(join(workdir, "eval", "bpd.jsonl"), { code: "0.0.9+0123456789ab" });
    const { exitCode, stderr } = await tiny(argv(workdir));
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining("(ODE): going on")]);
    expect(reportOf(workdir).bpd).toEqual(bpd);
  });
});

describe("an evaluation that cannot be", { timeout: 60_000 }, () => {
  it.each([
    ["eval.numImages=0", "eval.numImages: 0 is out of range"],
    ["eval.split=validation", "allowed: test, train"],
    ["eval.rtol=1e-20", "eval.rtol takes a number from 1e-13 to 1"],
    ["eval.atol=0", "eval.atol: 0 is out of range"],
  ])("--set %s: exit 2", async (setting, text) => {
    const { exitCode, stderr } = await tiny(["--mode", "eval", "--workdir", temporaryFolder(), ...set(setting)]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(text)]);
    expect(stderr).toContain("remedy:");
  });

  it("of a checkpoint of another model, of none, or of images that there are not: exit 2", async () => {
    const workdir = await trained();
    const fresh = join(temporaryFolder(), "fresh");
    const of = (checkpoint: string) => ["--mode", "eval", "--workdir", fresh, ...set(`checkpoint=${checkpoint}`)];
    const checkpoint = join(workdir, "checkpoints", "checkpoint_3.arrow");
    const gaussian = await run(["gaussian", ...of(checkpoint)]);
    expect([gaussian.exitCode, gaussian.stderr]).toEqual([2, expect.stringContaining("belongs to another model")]);
    const none = await tiny(of("/nowhere/checkpoint_3.arrow"));
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining("/nowhere/checkpoint_3.arrow")]);
    expect(existsSync(fresh)).toBe(false);
    const train = ["--mode", "eval", "--workdir", workdir, ...set("eval.split=train")];
    const refused = await tiny(train, { heldOutOnly: true });
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("held-out images only")]);
  });
});
