/** The layers that the golden cases `component_*` name, built from the shapes of their tensors. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../src/engine/tf.ts";
import { bigGanBlock, resampleLayer, type Resample } from "../../src/models/blocks.ts";
import { attention, fourierEmbedding, norm, timestepEmbedding } from "../../src/models/layers.ts";
import { Scope, type Context } from "../../src/models/scope.ts";
import {
  downsample,
  firDownsample,
  firDownsampleConv,
  firUpsample,
  firUpsampleConv,
  upsample,
} from "../../src/ops/resample.ts";
import type { GoldenCase } from "./golden.ts";

export const tensorOf = (golden: GoldenCase, name: string): Tensor =>
  tf.tensor(golden.f32(name), [...golden.shape(name)]);

/** The golden parameters under the names that a layer gave them in a scope of its own. */
function context(golden: GoldenCase, scope: Scope): Context {
  const own = scope.specs().map(({ name }) => {
    // The layer's own name comes first, the golden names start below it.
    const inner = name.slice(name.indexOf("/") + 1);
    return [name, tensorOf(golden, `params/${inner}`)] as const;
  });
  return { parameters: Object.fromEntries(own) };
}

const channels = (golden: GoldenCase, name: string) => golden.shape(name).at(-1)!;
const x4 = (golden: GoldenCase) => tensorOf(golden, "x") as Tensor4D;

/** The kernel "(1, 3, 3, 1)" in what the manifest says of a tensor. */
export const kernelOf = (golden: GoldenCase, name: string): number[] =>
  /\((\d+(?:, ?\d+)+)\)/.exec(golden.entry.tensors[name]!.what)![1]!.split(",").map(Number);

/** The parts of the reference take these by default; StyleGAN2's kernel is the one of its FIR blocks. */
const FIR = [1, 3, 3, 1];

function block(golden: GoldenCase, resample?: Resample, fir?: readonly number[]): Record<string, Tensor> {
  const scope = Scope.root();
  const embedding = channels(golden, "temb");
  const options = { activation: "swish", dropout: 0, initScale: 0, skipRescale: true, fir, embedding } as const;
  const layer = bigGanBlock(scope, channels(golden, "x"), channels(golden, "y"), options, resample);
  // The network applies the activation to the embedding once for all blocks.
  const temb = tensorOf(golden, "temb") as Tensor2D;
  return { y: layer(context(golden, scope), x4(golden), tf.mul(temb, tf.sigmoid(temb))) };
}

function resampling(golden: GoldenCase, direction: "up" | "down"): Record<string, Tensor> {
  const scope = Scope.root();
  const layer = resampleLayer(scope, channels(golden, "x"), channels(golden, "y"), direction, { withConv: true });
  return { y: layer(context(golden, scope), x4(golden)) };
}

function resampleAll(golden: GoldenCase): Record<string, Tensor> {
  const x = x4(golden);
  const w = tensorOf(golden, "w") as Tensor4D;
  const fir: Record<string, (kernel: number[]) => Tensor> = {
    up: (kernel) => firUpsample(x, kernel),
    down: (kernel) => firDownsample(x, kernel),
    up_conv: (kernel) => firUpsampleConv(x, w, kernel),
    conv_down: (kernel) => firDownsampleConv(x, w, kernel),
  };
  const names = golden.names().filter((name) => /_\d+$/.test(name));
  const filtered = names.map((name) => [name, fir[name.replace(/_\d+$/, "")]!(kernelOf(golden, name))] as const);
  return { naive_up: upsample(x), naive_down: downsample(x), ...Object.fromEntries(filtered) };
}

function embeddings(golden: GoldenCase): Record<string, Tensor> {
  const timesteps = tensorOf(golden, "timesteps") as Tensor1D;
  const sinusoidal = golden
    .names("emb")
    .map((dim) => [`emb${dim}`, timestepEmbedding(timesteps, Number(dim))] as const);
  const scope = Scope.root();
  const layer = fourierEmbedding(scope, golden.shape("W")[0]!, 1);
  const parameters = Object.fromEntries(scope.specs().map(({ name }) => [name, tensorOf(golden, "W")]));
  const fourier = layer({ parameters }, tensorOf(golden, "log_sigma") as Tensor1D);
  return { ...Object.fromEntries(sinusoidal), fourier };
}

/** What a case's tensors should be, by name. */
export const COMPONENTS: Record<string, (golden: GoldenCase) => Record<string, Tensor>> = {
  component_resample: resampleAll,
  component_embedding: embeddings,
  component_groupnorm(golden) {
    const scope = Scope.root();
    const layer = norm(scope, channels(golden, "x"));
    return { y: layer(context(golden, scope), x4(golden)) };
  },
  component_attn(golden) {
    const scope = Scope.root();
    const layer = attention(scope, channels(golden, "x"), 0, true);
    return { y: layer(context(golden, scope), x4(golden)) };
  },
  component_res_same: (golden) => block(golden),
  component_res_out: (golden) => block(golden),
  component_res_up: (golden) => block(golden, "up"),
  component_res_down: (golden) => block(golden, "down"),
  component_res_up_fir: (golden) => block(golden, "up", FIR),
  component_res_down_fir: (golden) => block(golden, "down", FIR),
  component_down_conv: (golden) => resampling(golden, "down"),
  component_up_conv: (golden) => resampling(golden, "up"),
};
