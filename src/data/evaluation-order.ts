/** Chooses the examples for an evaluation on a part of the data. */
import { permutation, randomKey } from "../base/random.ts";

/**
 * Returns the first `count` indices of a fixed permutation of `length` examples. They are a random sample, whatever the
 * order of the examples, and the same for every run, seed and model. A larger `count` only appends further indices.
 */
export function evaluationOrder(length: number, count = length): Uint32Array {
  return permutation(randomKey(0, "evaluation order"), length).subarray(0, Math.min(count, length));
}
