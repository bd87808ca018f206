/** Chooses the examples that an evaluation of a part of the data takes. */
import { permutation, randomKey } from "../base/random.ts";

/**
 * The first `count` of a fixed permutation of `length` examples: as a random sample of them, whatever order they lie in,
 * and the same for every run, seed and model. More examples are added behind fewer.
 */
export function evaluationOrder(length: number, count = length): Uint32Array {
  return permutation(randomKey(0, "evaluation order"), length).subarray(0, Math.min(count, length));
}
