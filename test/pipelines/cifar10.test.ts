import { decode } from "fast-png";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { loadEvents } from "../monitor/tensorboard/fixture.ts";
import { run, tiny, tinyQuick } from "./fixture.ts";

/**
 * Bits/dim of a network whose output is still 0: the flow of no score takes every image to 0 by exp(-B/2), and the log
 * of that is what the density gains. B = (0.1 + 20) / 2, by which the image no longer counts; 7 bits are the bins.
 */
const UNTRAINED = Math.log2(Math.sqrt(2 * Math.PI)) + 10.05 / 2 / Math.LN2 + 7;

describe("the CIFAR-10 pipeline", { timeout: 600_000 }, () => {
  it.each(["vp", "subvp"])("trains, evaluates and samples with the %s SDE", async (sde) => {
    const workdir = temporaryFolder();
    const { numTensors } = tf.memory();
    const { exitCode, summary, stderr } = await run([...tiny, "--workdir", workdir, "--set", `sde=${sde}`]);
    expect(stderr).not.toContain("error:");
    expect(exitCode).toBe(0);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(summary).toMatchObject({ pipeline: "cifar10", preset: "quick", steps: 3, evalImages: 4 });
    expect(summary.bpd).toBeGreaterThan(UNTRAINED - 0.01);
    expect(summary.bpd).toBeLessThan(UNTRAINED + 0.01);
    expect(summary.bound).toBeGreaterThan(summary.bpd!);
    const { width, height, channels } = decode(readFileSync(summary.samples!));
    expect([width, height, channels]).toEqual([70, 70, 3]);
  });

  it("predicts the velocity by its preset", async () => {
    const { exitCode, summary } = await run([...tinyQuick, "--workdir", temporaryFolder()]);
    expect(exitCode).toBe(0);
    // A velocity of 0 is the score of N(0, 1), whose flow stays where it is; |x| is at most 1, and the bins are 7 bits.
    const atZero = Math.log2(Math.sqrt(2 * Math.PI)) + 7;
    expect(summary.bpd).toBeGreaterThan(atZero + 0.05);
    expect(summary.bpd).toBeLessThan(atZero + 0.5 / Math.LN2);
  });

  it("looks at itself while it trains, which changes nothing", async () => {
    const [looked, alone] = [temporaryFolder(), temporaryFolder()];
    const settings = (every: number) =>
      ["snapshotEvery", "histogramEvery"].flatMap((name) => ["--set", `training.${name}=${every}`]);
    const { numTensors } = tf.memory();
    const raw = ["--set", "training.snapshotRaw=true"];
    const first = await run([...tiny, "--workdir", looked, ...settings(2), ...raw]);
    expect(tf.memory().numTensors).toBe(numTensors);
    const second = await run([...tiny, "--workdir", alone, ...settings(0)]);
    expect(first.summary.parameters).toBe(second.summary.parameters);
    expect(first.summary.bound).toBe(second.summary.bound);
    const grids = (workdir: string) => readdirSync(join(workdir, "samples")).filter((name) => name.endsWith(".png"));
    expect(grids(looked).sort()).toEqual(["nearest_2.png", "raw_2.png", "samples_2.png", "samples_3.png"]);
    expect(grids(alone)).toEqual(["samples_3.png"]);
    const bounds = readFileSync(join(looked, "metrics.jsonl"), "utf8").match(/"eval\/bound","step":\d+/g);
    expect(bounds).toEqual(['"eval/bound","step":2', '"eval/bound","step":3']);
    const { histograms, images } = loadEvents(join(looked, "tensorboard"));
    expect(Object.keys(histograms)).toEqual(expect.arrayContaining(["gradients", "gradients/Conv_0"]));
    expect(histograms["gradients"]!.map(([step]) => step)).toEqual([2]);
    expect(images["samples"]!.map(([step]) => step)).toEqual([2, 3]);
  });

  it("trains the ve SDE with the fourier embedding", async () => {
    const ve = [
      "sde=ve",
      "model.embeddingType=fourier",
      "training.importanceWeighting=false",
      "training.likelihoodWeighting=false",
    ];
    const settings = ve.flatMap((setting) => ["--set", setting]);
    const { exitCode, summary } = await run([...tiny, "--workdir", temporaryFolder(), ...settings]);
    expect(exitCode).toBe(0);
    // The flow of no score stays where it is: log N(x; 0, sigmaMax^2), whatever the image; 7 bits are the bins.
    const stays = Math.log2(Math.sqrt(2 * Math.PI) * 50) + 7;
    expect(Math.abs(summary.bpd! - stays)).toBeLessThan(0.05);
    // To the bound the noise of time 1 comes, half a nat a dimension.
    expect(Math.abs(summary.bound! - (stays + 0.5 / Math.LN2))).toBeLessThan(0.01);
  });
});

describe("CIFAR-10 data that is not right", { timeout: 60_000 }, () => {
  const withData = async (prepare: (folder: string) => void) => {
    const folder = temporaryFolder();
    prepare(folder);
    return run([...tiny, "--workdir", temporaryFolder(), "--set", `data.path=${folder}`]);
  };

  it("missing: exit 2, names the file", async () => {
    const { exitCode, stderr } = await withData(() => {});
    expect(exitCode).toBe(2);
    expect(stderr).toContain("data_batch_1.bin");
    expect(stderr).toContain("remedy:");
  });

  it("truncated: exit 2, names the file and its size", async () => {
    const { exitCode, stderr } = await withData((folder) => {
      for (const name of [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`)) writeFileSync(join(folder, name), "");
      writeFileSync(join(folder, "test_batch.bin"), "");
      truncateSync(join(folder, "data_batch_1.bin"), 30_729_999);
    });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/data_batch_1\.bin.*30,?729,?999/);
  });

  it("altered: exit 2, names the file and its hash", async () => {
    const { exitCode, stderr } = await withData((folder) => {
      mkdirSync(folder, { recursive: true });
      for (const name of [
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "test_batch.bin",
      ]) {
        writeFileSync(join(folder, name), Buffer.alloc(30_730_000));
      }
    });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/data_batch_1\.bin/);
    expect(stderr).toMatch(/SHA-?256/i);
  });
});
