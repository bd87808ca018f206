/** Small dequantizers to test with. */
import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../../src/engine/tf.ts";
import { flowppDequantizer, type Dequantizer } from "../../../src/models/flowpp/dequantizer.ts";
import type { FormName } from "../../../src/models/flowpp/form.ts";
import { initializeFromData } from "../../../src/models/flowpp/initialize.ts";
import { layoutOf, unflatten } from "../../../src/models/parameters.ts";
import { fillUniform, randomKey } from "../../../src/base/random.ts";
import { normal } from "../../support/tensors.ts";

export const FORM_NAMES: readonly FormName[] = ["cifar10", "imagenet32", "imagenet64"];

export const SHAPE = [4, 4, 3] as const;

/** As small as every part of a form allows. */
export const SIZES = { filters: 8, components: 2, blocks: 1, heads: 2 };

/** Pixel values in [0, 1], [B, ...shape]. */
export function pixels(B: number, shape: readonly number[], seed: number): Float32Array {
  const out = new Float32Array(shape.reduce((a, b) => a * b, B));
  fillUniform(randomKey(seed, "image"), out);
  return out.map((u) => Math.floor(256 * u) / 255);
}

export const images = (B: number, shape: readonly [number, number, number], seed: number): Tensor4D =>
  tf.tensor4d(pixels(B, shape, seed), [B, ...shape]);

interface Trained {
  readonly dequantizer: Dequantizer;
  readonly moved: Float32Array;
}

const made = new Map<string, Trained>();

/** A dequantizer with parameters a little away from their initialization, as after training. */
export function trained(form: FormName, shape: readonly [number, number, number] = SHAPE): Trained {
  const key = `${form} ${shape.join()}`;
  const known = made.get(key);
  if (known) return known;
  const dequantizer = flowppDequantizer(form, shape, SIZES);
  const dims = shape.reduce((a, b) => a * b, 1);
  const flat = initializeFromData(dequantizer, 1, normal(16 * dims, 2), pixels(16, shape, 3));
  const moved = normal(flat.length, 4).map((z, i) => flat[i]! + 0.05 * z);
  const result = { dequantizer, moved };
  made.set(key, result);
  return result;
}

/** The tensors of a flat vector by name. */
export const contextOf = (dequantizer: Dequantizer, flat: Float32Array): { parameters: Record<string, Tensor> } => ({
  parameters: unflatten(layoutOf(dequantizer.parameters), tf.tensor1d(flat)),
});
