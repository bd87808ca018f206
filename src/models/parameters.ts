/** All parameters of a model as one flat vector: the optimizer, the checkpoint and the exchange see nothing else. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { createHash } from "node:crypto";
import { tf } from "../engine/tf.ts";
import { initialize, type ParameterSpec } from "./scope.ts";

/** Parameters start at multiples of 16 floats, so that TensorFlow slices them out without copying. */
const ALIGNMENT = 16;

export interface ParameterSlot extends ParameterSpec {
  /** First element in the flat vector. */
  readonly offset: number;
  readonly size: number;
}

/** The place of each parameter in the flat vector. */
export interface ParameterLayout {
  readonly slots: readonly ParameterSlot[];
  /** Length of the flat vector, padding included. */
  readonly length: number;
  /** Number of parameters, padding left out. */
  readonly count: number;
}

/** Lays the parameters out one after another, in the order given (sorted by name for a {@link ScoreModel}). */
export function layoutOf(parameters: readonly ParameterSpec[]): ParameterLayout {
  let length = 0;
  let count = 0;
  const slots = parameters.map((spec) => {
    const size = spec.shape.reduce((a, b) => a * b, 1);
    const slot = { ...spec, offset: length, size };
    length += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    count += size;
    return slot;
  });
  return { slots, length, count };
}

/** Initial values of all parameters, a function of the seed. Padding is 0. */
export function initialParameters(layout: ParameterLayout, seed: number): Float32Array {
  const flat = new Float32Array(layout.length);
  for (const slot of layout.slots) flat.set(initialize(slot, seed), slot.offset);
  return flat;
}

/** The flat vector as tensors by name, for use inside a compiled function. */
export function unflatten(layout: ParameterLayout, flat: Tensor1D): Record<string, Tensor> {
  return Object.fromEntries(
    layout.slots.map(({ name, shape, offset, size }) => [name, tf.slice1d(flat, offset, size).reshape([...shape])]),
  );
}

/** Tensors in the order of the layout as one flat vector, zeros in the padding. */
export function flatten(layout: ParameterLayout, tensors: readonly Tensor[]): Tensor1D {
  const parts = layout.slots.flatMap(({ size }, i) => {
    const padding = -size & (ALIGNMENT - 1);
    const own = tensors[i]!.reshape([size]);
    return padding ? [own, tf.zeros([padding])] : [own];
  });
  return tf.concat(parts, 0) as Tensor1D;
}

/** The values of one parameter as a view. */
export const valuesOf = (flat: Float32Array, { offset, size }: ParameterSlot) => flat.subarray(offset, offset + size);

/** SHA-256 over the float32 parameters in order, padding left out: the `parameters` of the command line's JSON. */
export function digest(layout: ParameterLayout, flat: Float32Array): string {
  const hash = createHash("sha256");
  for (const slot of layout.slots) {
    const values = valuesOf(flat, slot);
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}
