/** The file from which every engine takes the same parameters and inputs. */
import { lastValueFrom, toArray } from "rxjs";
import { sdeOf, weightingOf } from "../src/run/from-config.ts";
import { networkOf } from "../src/run/network-from-config.ts";
import type { Config } from "../src/run/config.ts";
import { floats } from "../src/data/batch.ts";
import { writeSafetensors, type Safetensor } from "../src/data/formats/safetensors.ts";
import { ncsnpp } from "../src/models/ncsnpp.ts";
import { initialParameters, layoutOf, valuesOf } from "../src/models/parameters.ts";
import { fillNormal, fillRademacher, randomKey } from "../src/base/random.ts";
import { lossInputs } from "../src/streams/score-matching.ts";
import type { BenchCase } from "./cases.ts";
import { diffused } from "./diffused.ts";

/** Batches in the file; the training steps go round. */
export const BATCHES = 20;
/** Images of a likelihood evaluation and of a sampling run. */
export const IMAGES = 8;

const float32 = (shape: readonly number[], data: Float32Array): Safetensor => ({
  dtype: "F32",
  shape,
  data: data as Float32Array<ArrayBuffer>,
});

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.length * parts[0]!.length);
  parts.forEach((part, i) => out.set(part, i * part.length));
  return out;
}

/** Inputs of the loss for {@link BATCHES} steps: [steps, B, ...]. */
async function trainingInputs(config: Config): Promise<[string, Safetensor][]> {
  const batches = await lastValueFrom(diffused(config, BATCHES).pipe(toArray()));
  const inputs = batches.map((batch) => lossInputs(batch, sdeOf(config), weightingOf(config)));
  const [size, B] = [config.training.batchSize, BATCHES];
  const entry = (name: keyof (typeof inputs)[0], shape: readonly number[]): [string, Safetensor] => [
    name,
    float32([B, size, ...shape], joined(inputs.map((input) => input[name]))),
  ];
  const times = joined(batches.map((batch) => floats(batch, "t").data));
  return [
    ["t", float32([B, size], times)],
    entry("perturbed", [32, 32, 3]),
    entry("noise", [32, 32, 3]),
    entry("timeCondition", []),
    entry("outputScale", []),
    entry("weight", []),
  ];
}

/** Inputs of likelihood evaluation and sampling: images, the estimator's probe, draws from the prior. */
function evaluationInputs(): [string, Safetensor][] {
  const shape = [IMAGES, 32, 32, 3];
  const filled = (fill: typeof fillNormal, purpose: string) => {
    const data = new Float32Array(IMAGES * 3072);
    fill(randomKey(0, purpose), data);
    return float32(shape, data);
  };
  const data = filled(fillNormal, "data");
  return [
    ["data", float32(shape, (data.data as Float32Array).map(Math.tanh))],
    ["probe", filled(fillRademacher, "probe")],
    ["latent", filled(fillNormal, "prior")],
  ];
}

/** Writes parameters under the reference's names, inputs, and the configuration as metadata. */
export async function writeCase(path: string, { config }: BenchCase): Promise<void> {
  const network = networkOf(config, [32, 32, 3]);
  const layout = layoutOf(ncsnpp(network).parameters);
  const flat = initialParameters(layout, config.seed);
  const parameters = layout.slots.map((slot): [string, Safetensor] => [
    `params/${slot.name}`,
    float32(slot.shape, valuesOf(flat, slot)),
  ]);
  const tensors = new Map([...parameters, ...(await trainingInputs(config)), ...evaluationInputs()]);
  const metadata = {
    config: JSON.stringify(config),
    model: JSON.stringify(network),
    optim: JSON.stringify(config.optim),
    emaRate: JSON.stringify(config.model.emaRate),
  };
  await writeSafetensors(path, { tensors, metadata });
}
