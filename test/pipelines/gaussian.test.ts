import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readArrowFile } from "../../src/data/formats/arrow-file.ts";
import { tf } from "../../src/engine/tf.ts";
import { chainBitsPerDim, chainEntropy, sampleChain } from "../../src/data/gaussian-chain.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { run, short } from "./fixture.ts";

describe("the Gaussian pipeline", () => {
  it("reaches the exact likelihood within three standard errors", { timeout: 180_000 }, async () => {
    const { exitCode, summary } = await run(["gaussian", "--workdir", temporaryFolder()]);
    expect(exitCode).toBe(0);
    const { bpd, bound, exactBpd, bpdStandardError, boundStandardError, evalImages } = summary as Required<
      typeof summary
    >;
    expect(Math.abs(bpd - exactBpd)).toBeLessThan(3 * bpdStandardError);
    expect(Math.abs(bound - exactBpd)).toBeLessThan(3 * boundStandardError);
    // Tight enough to tell a trained model from a wrong one.
    expect(bpdStandardError).toBeLessThan(0.01);
    expect(evalImages).toBe(4096);
  });

  it("leaves what the contract names, and no tensor", { timeout: 60_000 }, async () => {
    const workdir = temporaryFolder();
    const { numTensors } = tf.memory();
    const { exitCode, summary } = await run([...short, "--workdir", workdir]);
    expect(exitCode).toBe(0);
    expect(tf.memory().numTensors).toBe(numTensors);
    for (const key of [
      "pipeline",
      "mode",
      "preset",
      "engine",
      "device",
      "steps",
      "loss",
      "bpd",
      "bound",
      "secondsPerStep",
      "parameters",
    ]) {
      expect(summary, key).toHaveProperty(key);
    }
    expect(summary.parameters).toMatch(/^[0-9a-f]{64}$/);
    expect(summary.checkpoint).toBe(join(workdir, "checkpoints", "checkpoint_12.arrow"));
    expect(readArrowFile(summary.samples!).columns.get("data")!.data).toHaveLength(4 * 8);
    const stages = ["times", "perturb", "score", "accumulate", "adam", "ema", "checkpoint"];
    const lines = readFileSync(join(workdir, "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { name?: string; state?: { phase: string; phases: { phase: string }[] } });
    expect(lines.filter(({ name }) => name === undefined).at(-1)).toMatchObject({ state: { phase: "finished" } });
    // It draws nothing between steps.
    const planned = new Set(lines.flatMap(({ state }) => state?.phases.map(({ phase }) => phase) ?? []));
    const evaluating = ["evaluating_loss", "evaluating_likelihood", "evaluating_bound"];
    expect(planned).toEqual(new Set(["starting", "compiling", "training", ...evaluating, "sampling"]));
    const names = lines.flatMap(({ name }) => name ?? []);
    const placed = names.filter((name) => name.startsWith("stage/")).map((name) => name.split("/")[1]);
    expect([...new Set(placed)]).toEqual(stages);
    const [byNoise, byMachine] = ["loss_by_noise/", "machine/"];
    const bins = new Set(names.filter((name) => name.startsWith(byNoise)).map((name) => name.split("/")[1]));
    expect(bins).toEqual(new Set(["weighted", "unweighted"]));
    // The machine is told of every 10 s: a slow one may have come to that.
    const others = names.filter((name) => !name.startsWith(byNoise) && !name.startsWith(byMachine));
    expect(new Set(others)).toEqual(
      new Set([
        "train/loss",
        "train/grad_norm",
        "train/learning_rate",
        "train/images_per_second",
        "train/seconds_per_step",
        "process/rss_bytes",
        ...stages.flatMap((name) => ["batches_per_second", "queue", "seconds"].map((key) => `stage/${name}/${key}`)),
        ...["loss/loss", "bpd/likelihood", "bound/bound"].flatMap((name) =>
          ["batches_per_second", "queue", "seconds"].map((key) => `eval_stage/${name}/${key}`),
        ),
        "eval/loss",
        "eval/bpd",
        "eval/bound",
      ]),
    );
    expect(existsSync(join(workdir, "config.json"))).toBe(true);
  });

  it("gives the same parameters eagerly as compiled, to rounding", { timeout: 60_000 }, async () => {
    const parameters = async (compile: boolean) => {
      const { summary } = await run([...short, "--workdir", temporaryFolder(), "--set", `engine.compile=${compile}`]);
      return readArrowFile(summary.checkpoint!).columns.get("parameters")!.data;
    };
    const [eager, compiled] = [await parameters(false), await parameters(true)];
    expect(Math.max(...eager.map((value, i) => Math.abs(value - compiled[i]!)))).toBeLessThan(1e-4);
  });
});

describe("the Gaussian chain", () => {
  const chain = { dims: 5, std: 0.7, rho: -0.4 };

  it("has the entropy that its density has on the mean", () => {
    const bits = chainBitsPerDim(chain, sampleChain(chain, 50_000, 3));
    const mean = bits.reduce((a, b) => a + b, 0) / bits.length;
    // Standard error of the mean: sqrt(D / 2) / (D ln 2) / sqrt(50,000) = 0.002.
    expect(Math.abs(mean - chainEntropy(chain))).toBeLessThan(0.008);
  });
});
