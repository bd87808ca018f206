/** ScoreStream as a program of the bench: scorestream-peer.ts CASE DROPOUT THREADS compile|bfloat16|eager. */
import { firstValueFrom, share, Subject } from "rxjs";
import type { Config } from "../src/run/config.ts";
import { sdeOf, weightingOf } from "../src/run/from-config.ts";
import { networkOf } from "../src/run/network-from-config.ts";
import { createBatch, floats, type Batch } from "../src/data/batch.ts";
import { readSafetensors } from "../src/data/formats/safetensors.ts";
import { loadEngine } from "../src/engine/load.ts";
import { odeLikelihood } from "../src/likelihood/ode-likelihood.ts";
import { odeSample } from "../src/sampling/ode-sampler.ts";
import { ncsnpp } from "../src/models/ncsnpp.ts";
import { scoreNetwork } from "../src/models/score-network.ts";
import { TrainState } from "../src/training/train-state.ts";
import { accumulate } from "../src/streams/accumulate.ts";
import { adam } from "../src/streams/adam.ts";
import { ema } from "../src/streams/ema.ts";
import { scoreMatching } from "../src/streams/score-matching.ts";
import { BATCHES, IMAGES } from "./case-file.ts";
import { measured, serve } from "./protocol.ts";

const [path, dropout, threads, mode] = process.argv.slice(2) as [string, string, string, string];
const engine = await loadEngine({ threads: Number(threads) });
const file = await readSafetensors(path);
const config = JSON.parse(file.metadata["config"]!) as Config;
const { training, optim, model, seed } = config;
const compile = mode !== "eager";
const sde = sdeOf(config);
const network = scoreNetwork(ncsnpp({ ...networkOf(config, [32, 32, 3]), dropout: Number(dropout) }), {
  reduceMean: training.reduceMean,
  compile,
  precision: { training: mode === "bfloat16" ? "bfloat16" : "float32", evaluation: "float32" },
});
const values = (name: string) => file.tensors.get(name)!.data as Float32Array;

function initialState(): TrainState {
  const { layout } = network;
  const parameters = new Float32Array(layout.length);
  for (const { name, offset } of layout.slots) parameters.set(values(`params/${name}`), offset);
  const zeros = new Float32Array(layout.length);
  return new TrainState(layout, { step: 0, parameters, m: zeros, v: zeros, ema: parameters });
}

const state = initialState();

/** The batch of a step, going round those of the file. */
function batchOf(step: number): Batch<"t" | "noise" | "perturbed"> {
  const part = (name: string, shape: readonly number[]) => {
    const all = values(name);
    const size = all.length / BATCHES;
    const at = (step % BATCHES) * size;
    return { data: all.subarray(at, at + size), shape };
  };
  const image = [32, 32, 3];
  const columns = { t: part("t", []), noise: part("noise", image), perturbed: part("perturbed", image) };
  return createBatch(columns, { step, shard: 0, shards: 1, firstSample: step * training.batchSize });
}

const batches = new Subject<Batch<"t" | "noise" | "perturbed">>();
const steps = batches.pipe(
  scoreMatching(network, sde, state, { weighting: weightingOf(config), seed }),
  accumulate(1),
  adam(state, { ...optim, compile }),
  ema(state, { rate: model.emaRate, compile }),
  share(),
);
steps.subscribe();

async function step(): Promise<number> {
  const row = firstValueFrom(steps);
  batches.next(batchOf(state.step));
  return floats(await row, "loss").data[0]!;
}

await serve({
  about: async () => ({ name: "ScoreStream", version: engine.version, parameters: network.layout.count }),

  train: ({ steps }) =>
    measured(async () => {
      const losses: number[] = [];
      while (losses.length < steps!) losses.push(await step());
      return { losses };
    }),

  likelihood: ({ eps, tolerance }) =>
    measured(async () => {
      const options = { eps: eps!, rtol: tolerance!, atol: tolerance!, probe: values("probe") };
      const score = network.scoreFunction(state.ema, sde);
      const { logp, evaluations } = await odeLikelihood(score, sde, values("data"), options);
      return { values: [...logp], evaluations };
    }),

  sample: ({ eps, tolerance }) =>
    measured(async () => {
      const options = { eps: eps!, rtol: tolerance!, atol: tolerance!, denoise: false };
      const score = network.scoreFunction(state.ema, sde);
      const { samples, evaluations } = await odeSample(score, sde, values("latent"), options);
      const size = samples.length / IMAGES;
      const mean = (i: number) => samples.subarray(i * size, (i + 1) * size).reduce((a, b) => a + b, 0) / size;
      return { values: Array.from({ length: IMAGES }, (_, i) => mean(i)), evaluations };
    }),
});
