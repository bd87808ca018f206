import type { Tensor2D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";

/**
 * |a_i - b_j|^2 of the rows of two matrices, [M, N], as |a|^2 + |b|^2 - 2 a b'.
 *
 * Rounding makes small ones wrong by about 1e-6 of |a|^2 + |b|^2, and more where products are tf32.
 */
export function squaredDistances(a: Tensor2D, b: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const products = tf.matMul(a, b, false, true);
    const [rows, columns] = [tf.sum(tf.square(a), 1, true), tf.sum(tf.square(b), 1)];
    return tf.sub(tf.add(rows, columns), tf.mul(products, 2));
  });
}
