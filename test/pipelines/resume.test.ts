import { existsSync, readdirSync, readFileSync, symlinkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryPath } from "../../src/base/temporary.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { run, short } from "./fixture.ts";

const checkpoints = (workdir: string) => readdirSync(join(workdir, "checkpoints")).sort();

describe("a run that is stopped", { timeout: 60_000 }, () => {
  it.each([3, 6, 11])("in step %i goes on to the parameters of a run that never was", async (step) => {
    const whole = await run([...short, "--workdir", temporaryFolder()]);
    const workdir = temporaryFolder();
    const first = await run([...short, "--workdir", workdir], new RegExp(`training: ${step}/12`));
    expect(first.exitCode).toBe(143);
    expect(first.summary.stoppedBy).toBe("SIGTERM");
    expect(first.summary.steps).toBeLessThan(12);
    expect(first.summary.bpd).toBeUndefined();
    const second = await run([...short, "--workdir", workdir]);
    expect(second.exitCode).toBe(0);
    expect(second.summary.resumedFrom).toBe(first.summary.steps);
    expect(second.summary.parameters).toBe(whole.summary.parameters);
    expect(second.summary.bpd).toBe(whole.summary.bpd);
  });

  it("leaves its state under checkpoints-meta", async () => {
    const workdir = temporaryFolder();
    const { summary } = await run([...short, "--workdir", workdir], /training: 2\/12/);
    expect(summary.checkpoint).toBe(join(workdir, "checkpoints-meta", `checkpoint_${summary.steps}.arrow`));
    expect(existsSync(summary.checkpoint!)).toBe(true);
  });
});

describe("an evaluation that is stopped", { timeout: 60_000 }, () => {
  it.each([
    [/\(ODE\): 2\/8/, []],
    [/bound: 4\/8/, []],
    [/loss: 6\/8/, ["eval.split=train"]],
    [/\(ODE\): 4\/8/, ["eval.stepControl=image", "eval.split=train"]],
    [/\(ODE\): 10\/16/, ["eval.repeats=2"]],
    [/bound: 2\/8/, ["eval.boundForm=ssm"]],
  ])("at %s goes on to the numbers of one that never was, with %j", async (at, settings) => {
    const sets = ["eval.batchSize=2", "eval.hutchinson=gaussian", ...settings].flatMap((each) => ["--set", each]);
    const argv = [...short, ...sets];
    const whole = await run([...argv, "--workdir", temporaryFolder()]);
    const workdir = temporaryFolder();
    const first = await run([...argv, "--workdir", workdir], at);
    expect(first.exitCode).toBe(143);
    expect(first.summary.bound).toBeUndefined();
    const second = await run([...argv, "--workdir", workdir, "--mode", "eval"]);
    expect(second.stderr).toMatch(/going on after \d+ images evaluated before/);
    for (const key of ["bpd", "bound", "evalLoss"]) {
      const values = ({ summary }: typeof whole) =>
        [key, `${key}StandardError`].map((name) => summary[name as keyof typeof summary]);
      expect(values(second), key).toEqual(values(whole));
      expect(values(second)).toEqual([expect.any(Number), expect.any(Number)]);
    }
  });
});

describe("a run that ended", { timeout: 60_000 }, () => {
  it("is not trained again, only evaluated", async () => {
    const workdir = temporaryFolder();
    const first = await run([...short, "--workdir", workdir]);
    const again = await run([...short, "--workdir", workdir]);
    expect(again.summary.parameters).toBe(first.summary.parameters);
    expect(again.summary.bpd).toBe(first.summary.bpd);
    const evaluated = await run([...short, "--workdir", workdir, "--mode", "eval"]);
    expect(evaluated.summary.bpd).toBe(first.summary.bpd);
    expect(evaluated.summary.samples).toBeUndefined();
    const sampled = await run([...short, "--workdir", workdir, "--mode", "sample"]);
    expect(sampled.summary.samples).toBe(first.summary.samples);
    expect(sampled.summary.bpd).toBeUndefined();
  });

  it("can be trained longer", async () => {
    const whole = await run([...short, "--workdir", temporaryFolder(), "--steps", "14"]);
    const workdir = temporaryFolder();
    await run([...short, "--workdir", workdir]);
    const longer = await run([...short, "--workdir", workdir, "--steps", "14"]);
    expect(longer.summary.resumedFrom).toBe(12);
    expect(longer.summary.parameters).toBe(whole.summary.parameters);
  });

  it("refuses another configuration, naming the field, and keeps everything", async () => {
    const workdir = temporaryFolder();
    await run([...short, "--workdir", workdir]);
    const before = readFileSync(join(workdir, "config.json"), "utf8");
    const other = await run([...short, "--workdir", workdir, "--set", "optim.lr=1e-4"]);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toContain("optim.lr: 0.003 there, 0.0001 asked for");
    expect(readFileSync(join(workdir, "config.json"), "utf8")).toBe(before);
    expect(checkpoints(workdir)).toEqual(["checkpoint_10.arrow", "checkpoint_12.arrow", "checkpoint_5.arrow"]);
  });
});

describe("checkpoints", { timeout: 60_000 }, () => {
  it("only the newest ones are kept", async () => {
    const workdir = temporaryFolder();
    await run([...short, "--workdir", workdir, "--set", "training.keepCheckpoints=1"]);
    expect(checkpoints(workdir)).toEqual(["checkpoint_12.arrow"]);
  });

  it.each([
    [
      "a flipped bit",
      (file: Buffer) => Buffer.concat([file.subarray(0, 9000), Buffer.of(file[9000]! ^ 1), file.subarray(9001)]),
    ],
    ["a cut end", (file: Buffer) => file.subarray(0, file.length / 2)],
    ["no bytes at all", () => Buffer.alloc(0)],
    ["something else", () => Buffer.from("a poem, not a checkpoint")],
  ])("with %s: refused by name, and the one before it is used", async (_, damage) => {
    const workdir = temporaryFolder();
    const whole = await run([...short, "--workdir", workdir]);
    const newest = whole.summary.checkpoint!;
    writeFileSync(newest, damage(readFileSync(newest)));
    const again = await run([...short, "--workdir", workdir]);
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain(`checkpoint ${newest} is damaged`);
    expect(again.summary.resumedFrom).toBe(10);
    expect(again.summary.parameters).toBe(whole.summary.parameters);
  });

  it("all damaged: nothing is trained over them", async () => {
    const workdir = temporaryFolder();
    await run([...short, "--workdir", workdir]);
    for (const name of checkpoints(workdir)) writeFileSync(join(workdir, "checkpoints", name), "x");
    const again = await run([...short, "--workdir", workdir]);
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toContain(`every checkpoint in ${workdir} is damaged`);
  });

  it("of another model: refused with what differs", async () => {
    const workdir = temporaryFolder();
    const { summary } = await run([...short, "--workdir", workdir]);
    const other = await run([
      ...[...short, "--workdir", temporaryFolder(), "--mode", "eval"],
      ...["--set", `checkpoint=${summary.checkpoint}`, "--set", "model.nf=32"],
    ]);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toContain("belongs to another model");
    expect(other.stderr).toContain("Dense_0/bias: [64] in the file, [32] in the model");
  });

  it("missing: eval says how to get one", async () => {
    const { exitCode, stderr } = await run([...short, "--workdir", temporaryFolder(), "--mode", "eval"]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/has no checkpoint to evaluate\n {2}remedy: train first/);
  });
});

describe("a run that fails", { timeout: 60_000 }, () => {
  it("stops at a loss that is not finite, saves the state before it, and says the step", async () => {
    const workdir = temporaryFolder();
    const wild = ["--set", "optim.lr=10", "--set", "optim.gradClip=-1", "--set", "optim.warmup=0", "--steps", "500"];
    const { exitCode, stderr, summary } = await run([
      ...short,
      "--workdir",
      workdir,
      ...wild,
      "--set",
      "optim.schedule=constant",
    ]);
    expect(exitCode).toBe(1);
    const step = Number(/step (\d+): the loss is (NaN|Infinity|inf)/.exec(stderr)?.[1]);
    expect(summary.steps).toBe(step);
    expect(summary.checkpoint).toContain(`checkpoint_${step}.arrow`);
    expect(existsSync(summary.checkpoint!)).toBe(true);
    expect(stderr).toContain("onDivergence=back, or go on from that checkpoint");
  });

  it("for a full disk names the file and keeps the checkpoint before it", async () => {
    const workdir = temporaryFolder();
    mkdirSync(join(workdir, "checkpoints"), { recursive: true });
    // The second checkpoint goes to the device on which no space is ever left.
    symlinkSync("/dev/full", temporaryPath(join(workdir, "checkpoints", "checkpoint_10.arrow")));
    const full = await run([...short, "--workdir", workdir]);
    expect(full.exitCode).toBe(1);
    expect(full.stderr).toContain("no space left on the disk");
    expect(checkpoints(workdir)).toContain("checkpoint_5.arrow");
    const again = await run([...short, "--workdir", workdir]);
    expect(again.exitCode).toBe(0);
    expect(again.summary.resumedFrom).toBe(5);
  });
});
