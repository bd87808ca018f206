/** A trained model as a library: what it computes, its border, and what it leaves behind. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel, mlp, ncsnpp, networkOf, sampleChain, type TrainedModel } from "scorestream";
import { initialParameters, layoutOf } from "../../src/models/parameters.ts";
import { writeStoredConfig } from "../../src/run/config-file.ts";
import type { Config } from "../../src/run/config.ts";
import { evaluationSeed } from "../../src/run/from-config.ts";
import { parseAssignment, resolveConfig } from "../../src/run/resolve-config.ts";
import { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { run, short } from "../pipelines/fixture.ts";
import { expectNoLeak } from "../support/tensors.ts";

const SETS = [
  ...["model.nf=4", "model.chMult=1,1", "model.numResBlocks=1", "model.attnResolutions=[]"],
  ...["eval.rtol=1e-6", "eval.atol=1e-6", "eval.batchSize=2", "sampling.rtol=1e-2", "sampling.atol=1e-2"],
  ...["training.smallestTime=1e-2"],
];

/** The folder of a run of images [4, 4, 1] that was not trained. */
async function folder({ told = true } = {}): Promise<string> {
  const workdir = temporaryFolder();
  const { config } = resolveConfig({ settings: [], assignments: SETS.map(parseAssignment) });
  const shape = [4, 4, 1] as const;
  const layout = layoutOf(ncsnpp(networkOf(config, shape)).parameters);
  const parameters = initialParameters(layout, 1);
  const zeros = new Float32Array(layout.length);
  writeStoredConfig(workdir, { pipeline: "tiny", ...config });
  const store = new CheckpointStore({ workdir, layout, config: told ? { shape, ...config } : config, keep: 1 });
  await store.save("checkpoints", { step: 7, parameters, m: zeros, v: zeros, ema: parameters });
  return workdir;
}

const pictures = (n: number) => Uint8Array.from({ length: 16 * n }, (_, i) => (41 * i) % 256);

describe("loadModel", { timeout: 120_000 }, () => {
  it("has bits/dim, samples, and a flow there and back, and leaves no tensor", async () => {
    await expectNoLeak(async () => {
      const model: TrainedModel = await loadModel(await folder());
      expect([model.step, model.shape]).toEqual([7, [4, 4, 1]]);
      const images = pictures(3);
      const bits = await model.bitsPerDim(images);
      expect(bits).toHaveLength(3);
      expect(bits.every((value) => value > 0 && value < 40)).toBe(true);
      expect(await model.bitsPerDim(images, { seed: 43 })).toEqual(bits);
      expect(await model.bitsPerDim(images, { seed: 1 })).not.toEqual(bits);

      const latents = await model.encode(images);
      expect(latents).toHaveLength(48);
      const back = await model.decode(latents);
      expect(back).toBeInstanceOf(Uint8Array);
      expect(Math.max(...back.map((value, i) => Math.abs(value - images[i]!)))).toBeLessThanOrEqual(1);

      const drawn = await model.sample(3);
      expect([drawn.constructor, drawn.length]).toEqual([Uint8Array, 48]);
      expect(await model.sample(3)).toEqual(drawn);
      expect(await model.sample(3, { seed: 5 })).not.toEqual(drawn);
      model.dispose();
    });
  });

  it("stops when it is told to", async () => {
    const model = await loadModel(await folder());
    const signal = AbortSignal.abort(new Error("enough"));
    for (const work of [model.bitsPerDim(pictures(1), { signal }), model.encode(pictures(1), { signal })]) {
      await expect(work).rejects.toThrow("enough");
    }
    model.dispose();
  });

  it("refuses what is no example, and says what is", async () => {
    const model = await loadModel(await folder());
    await expect(model.bitsPerDim(pictures(1).subarray(1))).rejects.toThrow("15 values are not a number of examples");
    await expect(model.encode(new Float32Array(16) as never)).rejects.toThrow("give bytes, a Uint8Array");
    await expect(model.decode(new Float32Array(7))).rejects.toThrow("7 values are not a number of examples");
    model.dispose();
  });

  it("says what a folder lacks", async () => {
    const workdir = temporaryFolder();
    await expect(loadModel(workdir)).rejects.toThrow("holds no run");
    writeStoredConfig(workdir, { pipeline: "tiny", ...resolveConfig({ settings: [], assignments: [] }).config });
    await expect(loadModel(workdir)).rejects.toThrow("has no checkpoint");
    mkdirSync(join(workdir, "checkpoints"));
    await expect(loadModel(workdir)).rejects.toThrow("has no checkpoint");
    const untold = await folder({ told: false });
    await expect(loadModel(untold)).rejects.toThrow(/does not record the shape/);
    (await loadModel(untold, { shape: [4, 4, 1] })).dispose();
    const other = { model: () => ({ network: mlp({ dims: 3, width: 8, depth: 1 }) }) };
    await expect(loadModel(untold, { shape: [3], ...other })).rejects.toThrow("belongs to another model");
  });

  it("gives the bits/dim of the command line, of vectors as of images", async () => {
    const workdir = temporaryFolder();
    const { exitCode, summary, stderr } = await run([...short, "--workdir", workdir]);
    expect(exitCode, stderr).toBe(0);
    const network = ({ model }: Config) => mlp({ dims: 8, width: model.nf, depth: model.numResBlocks });
    await expectNoLeak(async () => {
      const model = await loadModel<Float32Array>(workdir, { model: (config) => ({ network: network(config) }) });
      expect([model.step, model.shape]).toEqual([12, [8]]);
      const examples = sampleChain({ dims: 8, std: 0.5, rho: 0.7 }, 8, evaluationSeed(model.config));
      const bits = await model.bitsPerDim(examples);
      expect(bits.reduce((a, b) => a + b) / 8).toBeCloseTo(summary.bpd!, 6);
      await expect(model.encode(pictures(1) as never)).rejects.toThrow("give floats, a Float32Array");
      model.dispose();
    });
  });
});
