/** The key of every random number that the operators draw: (seed, purpose, step, shard) and what else it is a function of. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { from, lastValueFrom, map, toArray, type Observable, type OperatorFunction } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, createBatch, floats, type Batch } from "../../src/data/batch.ts";
import type { DequantizationDraws, DequantizationLoss } from "../../src/models/flowpp/loss.ts";
import { pcSample } from "../../src/sampling/pc-sampler.ts";
import type { LossInputs, ScoreNetwork } from "../../src/models/score-network.ts";
import { fillNormal, fillRademacher, fillUniform, permutation, randomKey, type Key } from "../../src/base/random.ts";
import type { TrainState } from "../../src/training/train-state.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { dataLoss } from "../../src/streams/data-loss.ts";
import { dequantizationLoss } from "../../src/streams/dequantization-loss.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import type { Gradient } from "../../src/streams/gradient.ts";
import { flip } from "../../src/streams/flip.ts";
import { examplesOf } from "../../src/data/examples.ts";
import { trainBatches } from "../../src/streams/batches.ts";
import { likelihoodBound } from "../../src/streams/likelihood-bound.ts";
import { logLikelihood } from "../../src/streams/log-likelihood.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { predictorCorrector } from "../../src/streams/predictor-corrector.ts";
import { priorBatches } from "../../src/streams/sample.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { tf } from "../../src/engine/tf.ts";
import { largestError } from "../support/numbers.ts";
import { imageBatch, infoAt, sde } from "./fixture.ts";

const seed = 11;
const eps = 0.25;
const shape = [2, 3, 1];
/** Two batches that differ from each other, and from the first of a run, in all of their numbers. */
const infos = [
  infoAt({ step: 6, shard: 3, shards: 5, firstSample: 40 }),
  infoAt({ step: 7, shard: 1, shards: 5, firstSample: 90 }),
];
const paths = infos.map(({ step, shard }) => [step, shard] as const);

const filling =
  (fill: (key: Key, out: Float32Array) => void) =>
  (n: number, ...path: (string | number)[]) => {
    const out = new Float32Array(n);
    fill(randomKey(seed, ...path), out);
    return out;
  };
const [normal, uniform, rademacher] = [filling(fillNormal), filling(fillUniform), filling(fillRademacher)];
/** u in [0, 1) as a time of [eps, 1]. */
const timeOf = (u: number) => eps + u * (1 - eps);

const run = <A, B>(batches: A[], operator: OperatorFunction<A, B>) =>
  lastValueFrom(from(batches).pipe(operator, toArray()));
const imagesOf = () => infos.map((info) => imageBatch(2, info, shape));
const zeros = () => infos.map((info) => createBatch({ data: { data: new Float32Array(12), shape } }, info));
const columnOf = <C extends string>(batches: Batch<C>[], name: C) => batches.map((batch) => floats(batch, name).data);

describe("a draw of training is a function of seed, purpose, step and shard", () => {
  it('"dequantize": the uniform noise, and the normal noise of the variational dequantizer', async () => {
    const seen: Float32Array[] = [];
    const draw = (noise: Float32Array) => (
      seen.push(noise),
      { u: noise.map(() => 0.5), negLogQ: Float32Array.of(1, 2) }
    );
    const drawn = await run(imagesOf(), dequantize("variational", { seed, centered: false, draw }));
    expect(seen).toEqual(paths.map((path) => normal(12, "dequantize", ...path)));
    expect(columnOf(drawn, "data")[0]).toEqual(
      Float32Array.from(bytes(imagesOf()[0]!, "image").data, (byte) => (byte + 0.5) / 256),
    );
    expect(columnOf(drawn, "logQ")[1]).toEqual(Float32Array.of(-1, -2));
    const even = await run(imagesOf(), dequantize("uniform", { seed, centered: false }));
    const us = paths.map((path) => uniform(12, "dequantize", ...path));
    expect(columnOf(even, "data")).toEqual(
      imagesOf().map((batch, k) =>
        Float32Array.from(bytes(batch, "image").data, (byte, i) => (byte + us[k]![i]!) / 256),
      ),
    );
  });

  it('"time": u in [0, 1) spread over all of [eps, T]', async () => {
    const batches = await run(imagesOf(), sampleTime(sde, { eps, density: "uniform", seed }));
    expect(columnOf(batches, "t")).toEqual(paths.map((path) => uniform(2, "time", ...path).map(timeOf)));
    // The weight of the whole interval, of which u is a part.
    const linear = { cumulative: (t: number, from: number) => 10 * (t - from), inverse: (q: number, from: number) => from + q / 10 }; // prettier-ignore
    const weighted = await run(
      imagesOf(),
      sampleTime({ ...sde, importance: linear }, { eps, density: "likelihood", seed }),
    );
    for (const [k, t] of columnOf(weighted, "t").entries()) {
      expect(largestError(t, uniform(2, "time", ...paths[k]!).map(timeOf))).toBeLessThan(1e-7);
    }
  });

  it('"noise": of diffusion', async () => {
    const timed = zeros().map((batch) =>
      createBatch({ data: floats(batch, "data"), t: { data: Float32Array.of(0.5, 1), shape: [] } }, batch.info),
    );
    const batches = await run(timed, perturb(sde, { seed }));
    expect(columnOf(batches, "noise")).toEqual(paths.map((path) => normal(12, "noise", ...path)));
  });

  it('"dropout": of the network', async () => {
    const keys: Key[] = [];
    const network = {
      lossAndGradient: async (_: Tensor1D, __: LossInputs, key: Key) => {
        keys.push(key);
        return { losses: new Float32Array(2), gradient: tf.zeros([1]) };
      },
    } as unknown as ScoreNetwork;
    const column = { data: new Float32Array(2).fill(0.5), shape: [] };
    const inputs = infos.map((info) => createBatch({ t: column, noise: column, perturbed: column }, info));
    await run(inputs, scoreMatching(network, sde, {} as TrainState, { weighting: "original", seed }));
    expect(keys).toEqual(paths.map((path) => randomKey(seed, "dropout", ...path)));
  });

  it("four noises and a time of the dequantizer's training, none of them used twice", async () => {
    const draws: DequantizationDraws[] = [];
    const loss = {
      lossAndGradient: async (_: Tensor1D, __: Tensor1D, drawn: DequantizationDraws) => {
        draws.push(drawn);
        return { losses: Float32Array.of(0, 12 * Math.LN2), gradient: tf.tensor1d([draws.length]) };
      },
    } as unknown as DequantizationLoss;
    const options = { score: undefined as unknown as Tensor1D, eps, importance: false, centered: true, seed };
    const read = map((gradient: Gradient) => [...floats(gradient.batch, "loss").data, ...gradient.values.dataSync()]);
    const found = await run(imagesOf(), (source: Observable<Batch<"image">>) =>
      source.pipe(dequantizationLoss(loss, sde, {} as TrainState, options), read),
    );
    // In [-1, 1] a pixel has 7 bits; 12 bits more are 2 on each of the 6 pixels.
    expect(found).toEqual([
      [7, 9, 1],
      [7, 9, 2],
    ]);
    expect(draws).toEqual(
      paths.map((path, k) => ({
        t: uniform(2, "dequantizer time", ...path).map(timeOf),
        image: Float32Array.from(bytes(imagesOf()[k]!, "image").data, (byte) => byte / 255),
        noise: normal(12, "dequantizer", ...path),
        priorNoise: normal(12, "dequantizer prior", ...path),
        timeNoise: normal(12, "dequantizer noise", ...path),
        offsetNoise: normal(12, "dequantizer offset", ...path),
      })),
    );
  });
});

describe("a draw that is of an example, or of an epoch", () => {
  it('"flip": of the sample\'s index in the run', async () => {
    const [batch] = await run([imageBatch(9, infos[0], shape)], flip({ seed }));
    const before = bytes(imageBatch(9, infos[0], shape), "image").data;
    const after = bytes(batch!, "image").data;
    const flipped = Array.from({ length: 9 }, (_, i) => before[6 * i] !== after[6 * i]);
    expect(flipped).toEqual(flipped.map((_, i) => (randomKey(seed, "flip", 40 + i)[0] & 1) === 1));
  });

  it('"shuffle": of the epoch, whose order shards and steps go through', async () => {
    const data = examplesOf(Uint8Array.of(0, 1, 2, 3, 4), [1, 1, 1]);
    const options = { batchSize: 2, shards: 2, seed, from: 3, to: 8 };
    const batches = trainBatches(data, "image", options);
    const order = (await lastValueFrom(batches.pipe(toArray()))).map((batch) => bytes(batch, "image").data[0]);
    const epochs = [1, 2].flatMap((epoch) => [...permutation(randomKey(seed, "shuffle", epoch), 5)]);
    expect(order).toEqual(epochs.slice(1).concat(permutation(randomKey(seed, "shuffle", 3), 5)[0]!));
  });
});

describe("a draw of evaluation or sampling", () => {
  it("dataLoss: time and noise of the two purposes of training", async () => {
    const seen: LossInputs[] = [];
    const ema = {} as Tensor1D;
    const network = {
      losses: async (parameters: Tensor1D, inputs: LossInputs) => {
        expect(parameters).toBe(ema);
        seen.push(inputs);
        return new Float32Array(2);
      },
    } as unknown as ScoreNetwork;
    const state = { average: ema, parameters: undefined } as unknown as TrainState;
    await run(zeros(), dataLoss(network, sde, state, { weighting: "original", eps, seed }));
    expect(seen.map(({ noise }) => noise)).toEqual(paths.map((path) => normal(12, "noise", ...path)));
    const times = paths.map((path) =>
      uniform(2, "time", ...path).map((u) => sde.timeCondition(Math.fround(timeOf(u)))),
    );
    expect(seen.map(({ timeCondition }) => timeCondition)).toEqual(times);
  });

  it("likelihoodBound: a time in each part of the interval, noise and probe at each time, and the offset's noise", async () => {
    const calls: { x: Float32Array; t: Float64Array; probe?: Float32Array }[] = [];
    const score = {
      shape,
      score: (x: Float32Array, t: Float64Array) => (calls.push({ x, t }), new Float32Array(x.length)),
      scoreAndDivergence(x: Float32Array, t: Float64Array, probe: Float32Array) {
        calls.push({ x, t, probe });
        return { score: new Float32Array(x.length), divergence: new Float64Array(t.length) };
      },
    };
    const times = 3;
    const options = { eps, times, importance: false, form: "ssm", offset: true, seed } as const;
    await run(zeros(), likelihoodBound(score, sde, options));
    expect(calls).toHaveLength(2 * (times + 1));
    for (const [k, path] of paths.entries()) {
      const own = calls.slice(k * (times + 1), (k + 1) * (times + 1));
      for (const [i, { x, t, probe }] of own.entries()) {
        const offset = i === times;
        const u = new Float64Array(2);
        if (!offset) fillUniform(randomKey(seed, "bound time", ...path, i), u);
        expect(t).toEqual(offset ? Float64Array.of(eps, eps) : u.map((v) => timeOf((i + v) / times)));
        expect(probe).toEqual(offset ? undefined : rademacher(12, "bound probe", ...path, i));
        const z = offset ? normal(12, "bound offset", ...path) : normal(12, "bound noise", ...path, i);
        const noisy = z.map((value, j) => sde.std(t[Math.floor(j / 6)]!) * value);
        expect(largestError(x, noisy)).toBeLessThan(1e-6);
      }
    }
  });

  it.each([
    ["rademacher", rademacher],
    ["gaussian", normal],
  ] as const)('logLikelihood: one %s "probe" in all evaluations of a batch', async (hutchinson, draw) => {
    const probes: Float32Array[] = [];
    const score = {
      shape,
      score: (x: Float32Array) => x,
      scoreAndDivergence(x: Float32Array, t: Float64Array, probe: Float32Array) {
        if (probe.join() !== probes.at(-1)?.join()) probes.push(probe);
        return { score: x.map((v) => -v), divergence: new Float64Array(t.length).fill(-6) };
      },
    };
    await run(zeros(), logLikelihood(score, sde, { eps, rtol: 1e-2, atol: 1e-2, hutchinson, seed }));
    expect(probes).toEqual(paths.map((path) => draw(12, "probe", ...path)));
  });

  it('priorBatches: "prior" by step, times the standard deviation of the prior', async () => {
    const wide = veSDE({ sigmaMin: 0.01, sigmaMax: 8, N: 10 });
    const prior = priorBatches(wide, [2], { total: 7, batchSize: 2, from: 2, seed });
    const batches = await lastValueFrom(prior.pipe(toArray()));
    const expected = [normal(4, "prior", 2), normal(2, "prior", 3)].map((z) => z.map((value) => 8 * value));
    expect(columnOf(batches, "latent")).toEqual(expected);
  });

  it("predictorCorrector: by step of the stream, purpose, time and repeat", async () => {
    const short = vpSDE({ betaMin: 0.1, betaMax: 2, N: 3 });
    const score = { shape, score: (x: Float32Array) => x.map((v) => -v), scoreAndDivergence: () => ({}) as never };
    const options = {
      ...{ eps: 1e-3, snr: 0.16, nSteps: 2, probabilityFlow: false, denoise: false },
      ...({ predictor: "reverse_diffusion", corrector: "langevin" } as const),
    };
    const latents = infos.map((info) => createBatch({ latent: { data: normal(12, "latent"), shape } }, info));
    const found = columnOf(await run(latents, predictorCorrector(score, short, { ...options, seed })), "data");
    for (const [k, { step }] of infos.entries()) {
      const noise = (purpose: string, time: number, repeat: number) =>
        normal(12, "sampling", step, purpose, time, repeat);
      const { samples } = await pcSample(score, short, normal(12, "latent"), { ...options, noise });
      expect(found[k]).toEqual(samples);
    }
  });
});
