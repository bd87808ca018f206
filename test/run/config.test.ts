import { describe, expect, it } from "vitest";
import * as z from "zod";
import { boundFields } from "../../src/run/config-file.ts";
import { fieldsWith, ownPart } from "../../src/run/own-fields.ts";
import { sdeOf } from "../../src/run/from-config.ts";
import { fields } from "../../src/run/config-fields.ts";
import type { Config, DeepPartial } from "../../src/run/config.ts";
import { baseConfig } from "../../src/run/defaults.ts";
import { cifar10Presets } from "../../pipelines/presets/cifar10.ts";
import { parseAssignment, resolveConfig, valueAt } from "../../src/run/resolve-config.ts";
import { UsageError } from "../../src/base/errors.ts";

const resolve = (sets: readonly string[], settings: DeepPartial<Config>[] = [], imageSize?: number) =>
  resolveConfig({ settings, assignments: sets.map(parseAssignment), imageSize });

describe("resolveConfig", () => {
  it("applies base, pipeline, preset and --set in this order", () => {
    const settings = [{ optim: { lr: 0.1, beta1: 0.5 }, model: { chMult: [1] } }, { optim: { lr: 0.2 } }];
    const { config } = resolve(["optim.eps=1e-6", "optim.eps=1e-5"], settings);
    expect(config.optim).toEqual({ ...baseConfig.optim, lr: 0.2, beta1: 0.5, eps: 1e-5 });
    expect(config.model.chMult).toEqual([1]);
    expect(baseConfig.optim.lr).toBe(2e-4);
  });

  it("reads every type of value", () => {
    const sets = [
      "model.chMult=1,2,4",
      "model.attnResolutions=[]",
      "data.randomFlip=false",
      "sde=subvp",
      "data.path=a=b",
    ];
    const { config } = resolve([...sets, "optim.lr=5e-4", "engine.threads=2", "model.firKernel=[1, 0.5]"]);
    expect(config.model).toMatchObject({ chMult: [1, 2, 4], attnResolutions: [], firKernel: [1, 0.5] });
    expect(config.data).toMatchObject({ path: "a=b", randomFlip: false, centered: true });
    expect([config.sde, config.optim.lr, config.engine.threads]).toEqual(["subvp", 5e-4, 2]);
  });

  it.each([
    ["vp", 1e-5, 1e-3],
    ["subvp", 1e-2, 1e-2],
  ])("%s: derives the smallest times unless they are set", (sde, training, sampling) => {
    const { config } = resolve([`sde=${sde}`]);
    expect([config.training.smallestTime, config.sampling.smallestTime]).toEqual([training, sampling]);
    expect(resolve([`sde=${sde}`, "training.smallestTime=.5"]).config.training.smallestTime).toBe(0.5);
  });

  it.each([
    ["training.batchSize=0", "training.batchSize: 0", "a whole number from 1 to 65536"],
    ["training.batchSize=1.5", '"1.5"', "a whole number from 1 to 65536"],
    ["training.batchSize=", '""', "a whole number"],
    ["seed=-1", "seed: -1", "from 0 to 9007199254740991"],
    ["model.dropout=1", "model.dropout: 1", "in [0, 1)"],
    ["optim.lr=nan", '"nan"', "a number in (0, 10]"],
    ["sde=vpp", '"vpp"', "vp, subvp, ve, linearve"],
    ["data.randomFlip=yes", '"yes"', "true, false"],
    ["model.chMult=", "model.chMult: []", "at least 1"],
    ["model.chMult=1,x", '"1,x"', "whole numbers from 1 to 64"],
    ["model.chMult=1,0", "model.chMult: [1,0]", "whole numbers from 1 to 64"],
    ["model.nf=30", "model.nf: 30", "a multiple of 4 from 4 to 4096"],
    ["training.batchSiz=4", "training.batchSiz", "nearest: training.batchSize"],
    ["optim.learningRate=4", "optim.learningRate", "nearest: optim.lr"],
    ["learning_rate=4", "learning_rate", "nearest: optim.lr"],
    ["batchsize=4", "batchsize", "training.batchSize"],
    ["optim=4", "optim: is a group", "optim.lr"],
    ["lr", '"key=value"', "--set training.batchSize=64"],
    ["eval.numImages=0", "eval.numImages: 0", "a whole number from 1 to"],
    ["eval.split=valid", '"valid"', "allowed: test, train"],
    ["eval.stepControl=pixel", '"pixel"', "allowed: batch, image"],
    ["eval.boundForm=sm", '"sm"', "allowed: dsm, ssm"],
    ["eval.repeats=0", "eval.repeats: 0", "from 1 to 1000"],
    ["eval.rtol=0", "eval.rtol: 0", "from 1e-13 to 1"],
    ["eval.rtol=1e-14", "eval.rtol: 1e-14", "from 1e-13 to 1"],
    ["eval.atol=2", "eval.atol: 2", "a number in (0, 1]"],
    ["sampling.rtol=0", "sampling.rtol: 0", "from 1e-13 to 1"],
    ["sampling.atol=-1", "sampling.atol: -1", "a number in (0, 1]"],
    ["sampling.numSamples=0", "sampling.numSamples: 0", "a whole number from 1 to"],
    ["__proto__.a=1", "__proto__.a", "nearest"],
    ["exchange.engine=x", "exchange.engine", "grpc, tensorflow"],
    ["training.shards=3", "training.batchSize: 128", "training.shards, 3"],
    ["optim.gradClip=0", "optim.gradClip: 0", "negative number for no clipping"],
    ["model.betaMin=30", "model.betaMin: 30", "model.betaMax, 20"],
    ["model.sigmaMin=50", "model.sigmaMin: 50", "model.sigmaMax, 50"],
    ["sde=ve", "model.embeddingType", "--set model.embeddingType=fourier"],
    ["model.scaleBySigma=true", "model.scaleBySigma", "fourier"],
    ["model.chMult=1,1,1,1,1,1,1", "32 is not divisible by 64", "fewer entries"],
    ["model.nf=36", "144 channels", "a multiple of 32"],
  ])("--set %s is refused: %s, %s", (set, problem, allowed) => {
    expect(() => resolve([set], [], 32)).toThrow(UsageError);
    expect(() => resolve([set], [], 32)).toThrow(problem);
    expect(() => resolve([set], [], 32)).toThrow(allowed);
  });

  it.each([
    ["training.steps=130", "training.steps: 130 is not a multiple of exchange.every, 50", "--set training.steps=150"],
    ["training.checkpointEvery=75", "training.checkpointEvery: 75", "--set training.checkpointEvery=100"],
    ["training.snapshotEvery=75", "training.snapshotEvery: 75", "--set training.snapshotEvery=100"],
    ["exchange.replicas=3", "exchange.replicas: 3 replicas cannot share training.shards, 4", "training.shards=3"],
    ["exchange.engine=tensorflow", "exchange.engine: tensorflow", "--set exchange.engine=grpc"],
    ["exchange.wire=bfloat16", "exchange.wire: bfloat16", "--set exchange.wire=float32"],
    ["exchange.wire=int8", "exchange.wire: int8 is too coarse for Adam's moments", "--set exchange.moments=restarted"],
    ["training.onDivergence=back", "training.onDivergence: a round", "--set training.onDivergence=stop"],
  ])("--set %s is refused with local steps: %s, %s", (set, problem, remedy) => {
    const local = ["training.shards=4", "exchange.mode=local"];
    expect(() => resolve([...local, set])).toThrow(problem);
    expect(() => resolve([...local, set])).toThrow(remedy);
    if (!/engine|int8/.test(set)) expect(() => resolve(["training.shards=4", set])).not.toThrow();
    expect(() => resolve([...local, "exchange.replicas=2", "training.snapshotEvery=0"])).not.toThrow();
  });

  it("refuses int8 on the wire without local steps", () => {
    expect(() => resolve(["exchange.wire=int8"])).toThrow("exchange.wire: int8");
    expect(() => resolve(["exchange.wire=int8"])).toThrow("--set exchange.mode=local");
    const local = [
      "exchange.mode=local",
      "training.shards=4",
      "exchange.moments=restarted",
      "training.snapshotEvery=0",
    ];
    expect(() => resolve([...local, "exchange.wire=int8"])).not.toThrow();
  });

  it("names every field that is out of range", () => {
    expect(() => resolve(["optim.lr=0", "training.steps=0"])).toThrow(
      /training\.steps: 0 is out of range\noptim\.lr: 0 is out of range/,
    );
  });

  it("refuses importance weighting for the ve SDE with the reason", () => {
    expect(() => resolve(["sde=linearve", "training.continuous=false"])).toThrow(/linearve .* only continuous times/);
    expect(sdeOf(resolve(["sde=linearve"]).config).std(0.5)).toBe(25);
    const fourier = ["sde=ve", "model.embeddingType=fourier"];
    expect(() => resolve([...fourier, "training.importanceWeighting=true"])).toThrow(/the ve SDE has none/);
    expect(resolve(fourier).config.sde).toBe("ve");
  });

  it("remarks on settings without effect", () => {
    expect(resolve(["training.importanceWeighting=true"]).notes).toEqual([expect.stringContaining("is ignored")]);
    expect(resolve(["model.attnResolutions=15"], [], 32).notes).toEqual([expect.stringContaining("32, 16, 8, 4")]);
    expect(resolve([], [], 32).notes).toEqual([]);
  });
});

describe("the presets of CIFAR-10", () => {
  it.each(Object.entries(cifar10Presets))("%s: is a valid configuration without remarks", (_, preset) => {
    expect(resolve([], [preset], 32).notes).toEqual([]);
  });

  it("paper: follows the paper's text", () => {
    const { config } = resolve([], [cifar10Presets.paper], 32);
    expect(config.training).toMatchObject({ steps: 250_000, batchSize: 256, smallestTime: 1e-5 });
    expect(config.training).toMatchObject({ likelihoodWeighting: true, importanceWeighting: true, reduceMean: true });
    expect(config.model).toMatchObject({ nf: 128, numResBlocks: 4, dropout: 0.1, emaRate: 0.9999 });
    expect(config.optim).toMatchObject({ lr: 2e-4, schedule: "linear", finalLr: 1e-5, decaySteps: 100_000 });
    expect(config.eval).toMatchObject({ split: "test", repeats: 5, boundForm: "dsm", boundTimes: 1000, loss: true });
    expect(config.eval).toMatchObject({ stepControl: "batch", rtol: 1e-5, atol: 1e-5 });
  });

  it("paper_deep: differs from paper in the residual blocks only", () => {
    const [paper, deep] = [cifar10Presets.paper, cifar10Presets.paper_deep].map((p) => resolve([], [p], 32).config);
    const different = fields.filter(({ name }) => String(valueAt(paper, name)) !== String(valueAt(deep, name)));
    expect(different.map(({ name }) => name)).toEqual(["model.numResBlocks"]);
    expect(deep?.model.numResBlocks).toBe(8);
  });
});

it("documents every field and its values", () => {
  for (const { name, description, allowed } of fields) {
    expect(description, name).toMatch(/\w{3}/);
    expect(allowed, name).not.toContain("undefined");
  }
  expect(fields.length).toBeGreaterThan(60);
});

describe("fields of a pipeline's own", () => {
  const own = z.object({
    ring: z.object({
      radius: z.number().gt(0).max(4).default(1).describe("radius of the ring"),
      points: z.int().min(1).max(100).default(10).describe("points on it"),
      sizes: z.array(z.int().min(1).max(9)).min(1).default([1, 2]).describe("layers"),
    }),
    note: z.string().optional().describe("anything").meta({ free: true }),
  });
  const resolveOwn = (sets: readonly string[], settings: object[] = []) =>
    resolveConfig({ own, settings, assignments: sets.map(parseAssignment) }).config as Config & z.infer<typeof own>;

  it("are merged over their defaults, checked, and set by --set", () => {
    expect(resolveOwn([]).ring).toEqual({ radius: 1, points: 10, sizes: [1, 2] });
    const settings = [{ ring: { points: 20 } }, { ring: { radius: 2 } }];
    const { ring, note, optim } = resolveOwn(["ring.radius=3", "ring.sizes=4,5", "note=hello"], settings);
    expect([ring, note]).toEqual([{ radius: 3, points: 20, sizes: [4, 5] }, "hello"]);
    expect(optim).toEqual(baseConfig.optim);
  });

  it.each([
    ["ring.radius=5", "ring.radius: 5", "a number in (0, 4]"],
    ["ring.radius=x", '"x"', "a number in (0, 4]"],
    ["ring.points=0", "ring.points: 0", "a whole number from 1 to 100"],
    ["ring.radios=1", "ring.radios", "nearest: ring.radius"],
    ["ring=1", "ring: is a group", "ring.points"],
    ["optim.lr=0", "optim.lr: 0", "a number in (0, 10]"],
  ])("--set %s is refused: %s, %s", (set, problem, allowed) => {
    expect(() => resolveOwn([set])).toThrow(problem);
    expect(() => resolveOwn([set])).toThrow(allowed);
  });

  it("names a field that settings have and the schema has not", () => {
    expect(() => resolveOwn([], [{ rings: 1 }])).toThrow(/Unrecognized key: "rings"/);
    expect(() => resolve([], [{ rings: 1 } as never])).toThrow(/Unrecognized key: "rings"/);
  });

  it("are bound to a workdir as those of every run, unless they are free", () => {
    const all = fieldsWith(own);
    for (const mode of ["train", "eval"] as const) {
      expect(boundFields(mode, all)).toEqual([...boundFields(mode), "ring.radius", "ring.points", "ring.sizes"]);
    }
    expect(ownPart(resolveOwn(["note=a"]))).toEqual({ ring: { radius: 1, points: 10, sizes: [1, 2] }, note: "a" });
  });

  it.each([
    [z.object({ model: z.int().default(1) }), /fields.model: every run has a field/],
    [z.object({ preset: z.int().default(1) }), /fields.preset: every run has a field/],
    [z.object({ ring: z.object({ radius: z.number() }) }), /fields.ring.radius: it has no value unless set/],
    [z.object({ when: z.date().default(() => new Date(0)) }), /fields: .*Date/],
    [z.object({ any: z.union([z.int(), z.string()]).default(1) }), /any is of a type that --set cannot write/],
  ])("a schema that cannot be is refused by name", (own, message) => {
    expect(() => fieldsWith(own)).toThrow(UsageError);
    expect(() => fieldsWith(own)).toThrow(message);
  });

  it.each(["shape", "window", "lossByNoise", "goneBack", "heldOut", "reference", "scoreModel"])(
    "cannot be called %s, a name under which checkpoints keep something else",
    (name) => {
      const taken = z.object({ [name]: z.int().default(1).describe("of its own") });
      expect(() => fieldsWith(taken)).toThrow(`fields.${name}: every run has a field or group of this name`);
    },
  );
});
