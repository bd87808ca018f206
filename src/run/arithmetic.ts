/** The properties besides its settings that determine the numbers of a training, for nodes that train together. */
import { createHash } from "node:crypto";
import type { Tensor1D } from "@tensorflow/tfjs";
import { fillUniform, randomKey } from "../base/random.ts";
import { instructions } from "../engine/instructions.ts";
import { tf } from "../engine/tf.ts";
import type { Trait } from "../exchange/messages.ts";
import { initialParameters } from "../models/parameters.ts";
import type { ScoreNetwork } from "../models/score-network.ts";
import { computedBy } from "./evaluation-work.ts";
import type { RunContext } from "./pipeline.ts";

/** Inputs are of this seed, whatever the run's. */
const SEED = 0;

function uniform(name: string, length: number, scale: number): Float32Array {
  const values = new Float32Array(length);
  fillUniform(randomKey(SEED, "fingerprint", name), values);
  return values.map((value) => scale * (2 * value - 1));
}

/**
 * Hash of the losses and the gradient of one shard, on inputs that are always the same.
 *
 * The graph is the one that will train, so that this costs a run one gradient.
 *
 * @param size Examples of a shard.
 */
export async function gradientFingerprint(network: ScoreNetwork, size: number): Promise<string> {
  const { layout, model } = network;
  const width = model.shape.reduce((a, b) => a * b, 1);
  // Layers that begin with zeros would hide those before them.
  const moved = uniform("parameters", layout.length, 0.02);
  const start = initialParameters(layout, SEED);
  const parameters: Tensor1D = tf.tensor1d(start.map((value, i) => value + moved[i]!));
  const ones = new Float32Array(size).fill(1);
  const inputs = {
    ...{ perturbed: uniform("perturbed", size * width, 2), noise: uniform("noise", size * width, 2) },
    ...{ timeCondition: ones.map((_, b) => (b + 1) / size), outputScale: ones, weight: ones },
  };
  try {
    const { losses, gradient } = await network.lossAndGradient(parameters, inputs, [1, 2]);
    const values = gradient.dataSync() as Float32Array;
    gradient.dispose();
    return createHash("sha256").update(losses).update(values).digest("hex");
  } finally {
    parameters.dispose();
  }
}

/** Computes the traits that a node sends to the node it joins. */
export async function arithmeticOf(context: RunContext, network: ScoreNetwork): Promise<Trait[]> {
  const { engine, config } = context;
  const { batchSize, shards } = config.training;
  const { code, engine: name, compile } = computedBy(context);
  const values = {
    ...{ code, engine: name, "engine.compile": String(compile), device: engine.device },
    ...{ "engine.threads": String(engine.threads), instructions: instructions() },
    fingerprint: (await gradientFingerprint(network, batchSize / shards)).slice(0, 16),
  };
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
