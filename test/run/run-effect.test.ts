/** What the parts of a run use: the averaged parameters, the seed after that of the training, one way of training. */
import { createHash } from "node:crypto";
import { lastValueFrom, toArray, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, floats, type Batch } from "../../src/data/batch.ts";
import { pngGrid } from "../../src/data/formats/png-grid.ts";
import { tf } from "../../src/engine/tf.ts";
import { imageShapeOf } from "../../src/models/score-model.ts";
import { scoreNetwork } from "../../src/models/score-network.ts";
import { sdeOf } from "../../src/run/from-config.ts";
import { evaluationExamples } from "../../src/data/examples.ts";
import { evalBatches } from "../../src/streams/batches.ts";
import { bitsPerDim } from "../../src/streams/bits-per-dim.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { likelihoodBound } from "../../src/streams/likelihood-bound.ts";
import { logLikelihood } from "../../src/streams/log-likelihood.ts";
import { quantize } from "../../src/streams/quantize.ts";
import { priorBatches, sample } from "../../src/streams/sample.ts";
import { averageVector, configOf, dataset, linear, observe, type Part } from "./effects/run.ts";

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

/** Values of an evaluation's files. */
const valuesOf = (seen: string | undefined) =>
  (JSON.parse(`[${seen}]`) as { values: number[] }[][]).flat().flatMap(({ values }) => values);

describe("the averaged parameters", { timeout: 30_000 }, () => {
  it("are those that a run evaluates, looks at and samples, whatever the parameters", async () => {
    const [one, other] = [-0.1, 0.4].map((off) => observe([], ["eval", "sample", "look"], { off }));
    expect(await other).toEqual(await one);
  });

  it("are those that a dequantizer is trained against", async () => {
    const [one, other] = [-0.1, 0.4].map((off) => observe([], ["dequantizer"], { off }));
    expect(await other).toEqual(await one);
  });
});

describe("training", { timeout: 30_000 }, () => {
  it("is the same by pipelines/cifar10.ts and by trainingLoop, and keeps the average of the last step", async () => {
    // No value that these runs have anyway.
    const weighted = ["training.likelihoodWeighting=true", "training.importanceWeighting=true"];
    const often = ["training.checkpointEvery=5", "training.snapshotEvery=2", "training.histogramEvery=3"];
    const step = ["training.shards=2", "training.stratifiedTimes=true", "training.smallestTime=0.2", "seed=7"];
    const update = ["model.emaRate=0.6", "optim.lr=0.02", "optim.weightDecay=0.1", "optim.beta1=0.8"];
    const sets = [...weighted, ...often, ...step, ...update, "training.logEvery=1"];
    const [pipeline, loop] = [await observe(sets, ["train"]), await observe(sets, ["train", "loop"])];
    expect(loop).toEqual(pipeline);
    expect(pipeline["kept-average"]).toBe(pipeline["average"]);
  });

  it("of a dequantizer is the same by pipelines/cifar10.ts and by the default of imagePipeline", async () => {
    const sets = [
      "seed=7",
      "training.shards=2",
      "dequantizer.emaRate=0.6",
      "training.logEvery=1",
      "training.checkpointEvery=1",
    ];
    const parts: Part[] = ["dequantizer"];
    expect(await observe(sets, [...parts, "loop"])).toEqual(await observe(sets, parts));
  });
});

describe("evaluation and samples", { timeout: 30_000 }, () => {
  it.each(["ode", "pc"])(
    "are the same by pipelines/cifar10.ts and by the defaults of imagePipeline: %s",
    async (method) => {
      const evaluated = ["eval.loss=true", "eval.rtol=1e-3", "eval.boundForm=ssm", "eval.stepControl=image"];
      const drawn = [
        `sampling.method=${method}`,
        "sampling.numSamples=2",
        "sampling.noiseRemoval=true",
        "model.numScales=30",
      ];
      const sets = ["seed=7", "training.smallestTime=0.2", ...evaluated, ...drawn];
      const parts: Part[] = ["eval", "sample", "look"];
      expect(await observe(sets, [...parts, "loop"])).toEqual(await observe(sets, parts));
    },
  );

  it("draw from the seed after that of the training", async () => {
    const sets = ["seed=7", "eval.numImages=6", "eval.rtol=1e-3", "eval.atol=1e-3", "sampling.numSamples=2"];
    const seen = await observe(sets, ["eval", "sample", "look"]);
    const [config, seed, eps] = [configOf(sets), 8, 0.3];
    const sde = sdeOf(config);
    const network = scoreNetwork(linear, { reduceMean: true, compile: false });
    const average = tf.tensor1d(averageVector());
    const score = network.scoreFunction(average, sde);
    const found = async (measured: Observable<Batch<"bpd">>) =>
      (await lastValueFrom(measured.pipe(toArray()))).flatMap((batch) => [...floats(batch, "bpd").data]);
    const data = evalBatches(evaluationExamples(dataset("test", 6), 6), "image", {
      batchSize: 2,
      repeats: 1,
    }).pipe(dequantize<"image">("uniform", { seed, centered: true }));
    const inBits = { levels: 256, centered: true };
    const tolerances = { eps, rtol: 1e-3, atol: 1e-3, seed };
    const likelihood = data.pipe(logLikelihood<"logQ">(score, sde, { ...tolerances, hutchinson: "rademacher" })); // prettier-ignore
    expect(valuesOf(seen["bpd"])).toEqual(await found(likelihood.pipe(bitsPerDim(inBits))));
    const bound = data.pipe(likelihoodBound<"logQ">(score, sde, { eps, seed, times: 2, offset: true }));
    const bounds = await found(bound.pipe(bitsPerDim(inBits)));
    expect(valuesOf(seen["bound"])).toEqual(bounds);
    // A look in mid-training has the same noise.
    expect(JSON.parse(seen["look"]!)).toEqual([expect.closeTo(bounds.reduce((a, b) => a + b) / 6, 6)]);

    const { shape } = linear;
    const drawn = priorBatches(sde, shape, { total: 2, batchSize: 2, seed }).pipe(
      sample(score, sde, { eps, rtol: 0.1, atol: 0.1, denoise: true }),
      quantize({ centered: true }),
    );
    const pixels = bytes(await lastValueFrom(drawn), "image").data;
    expect(seen["samples"]).toBe(sha256(pngGrid(pixels, imageShapeOf(linear))));
    tf.dispose(average);
    network.dispose();
  });
});
