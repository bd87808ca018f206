import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { run, tiny } from "./fixture.ts";

const small = [
  ...["dequantizer.batchSize=4", "dequantizer.filters=4", "dequantizer.components=2", "dequantizer.blocks=1"],
  ...["dequantizer.heads=1", "training.checkpointEvery=2"],
].flatMap((setting) => ["--set", setting]);

describe("--mode train_deq", { timeout: 600_000 }, () => {
  it("trains a dequantizer that evaluation uses, and goes on to the bit", async () => {
    const workdir = temporaryFolder();
    const trained = await run([...tiny, ...small, "--workdir", workdir]);
    const { numTensors } = tf.memory();
    const deq = ["--mode", "train_deq", "--workdir", workdir];
    const first = await run([...tiny, ...small, ...deq, "--steps", "3"], /training the dequantizer: 1\/3/);
    expect(first.exitCode).toBe(143);
    expect(first.summary.steps).toBeLessThan(3);
    expect(first.summary.checkpoint).toContain(join(workdir, "flowpp_dequantizer"));
    expect(tf.memory().numTensors).toBe(numTensors);

    const second = await run([...tiny, ...small, ...deq, "--steps", "3"]);
    expect(second.stderr).not.toContain("error:");
    expect(second.exitCode).toBe(0);
    expect(second.summary).toMatchObject({ mode: "train_deq", steps: 3 });
    expect(second.summary.checkpoint).toBe(join(workdir, "flowpp_dequantizer/checkpoints/checkpoint_3.arrow"));
    expect(second.summary.parameters).not.toBe(trained.summary.parameters);
    const whole = temporaryFolder();
    const once = await run([
      ...[...tiny, ...small, "--mode", "train_deq", "--workdir", whole, "--steps", "3"],
      ...["--set", `checkpoint=${trained.summary.checkpoint}`],
    ]);
    expect(second.summary.parameters).toBe(once.summary.parameters);

    const variational = await run([
      ...tiny,
      ...small,
      "--mode",
      "eval",
      "--workdir",
      workdir,
      "--set",
      "eval.dequantizer=true",
    ]);
    expect(variational.exitCode).toBe(0);
    // The network's output is still 0, so that its density hardly depends on the image: see the test of CIFAR-10.
    const untrained = Math.log2(Math.sqrt(2 * Math.PI)) + 10.05 / 2 / Math.LN2 + 7;
    expect(Math.abs(trained.summary.bpd! - untrained)).toBeLessThan(0.01);
    // So all that the dequantizer changes is log q of its noise: as much of the bound as of the likelihood.
    const [bits, bound] = (["bpd", "bound"] as const).map((key) => variational.summary[key]! - trained.summary[key]!);
    expect(bits).toBeGreaterThan(0.2);
    expect(bits).toBeLessThan(1);
    expect(Math.abs(bound! - bits!)).toBeLessThan(1e-3);
    // Its training has ended with the same bound, of the averaged parameters.
    expect(second.summary.bound).toBe(variational.summary.bound);
    const uniform = await run([...tiny, ...small, "--mode", "eval", "--workdir", workdir]);
    expect(uniform.summary.bpd).toBe(trained.summary.bpd);
  });

  it("says what is missing", async () => {
    const workdir = temporaryFolder();
    const none = await run([...tiny, "--mode", "train_deq", "--workdir", workdir]);
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain("has no checkpoint to train a dequantizer for");
    await run([...tiny, "--workdir", workdir]);
    const untrained = await run([...tiny, "--mode", "eval", "--workdir", workdir, "--set", "eval.dequantizer=true"]);
    expect(untrained.exitCode).toBe(2);
    expect(untrained.stderr).toMatch(/has no trained dequantizer\n {2}remedy: train one first/);
    const gaussian = await run(["gaussian", "--mode", "train_deq", "--workdir", temporaryFolder()]);
    expect(gaussian.exitCode).toBe(2);
  });
});
