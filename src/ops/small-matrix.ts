/** Determinant and inverse of matrices of up to 3 x 3, the channels of an image, from their cofactors. */
import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";

/** Row i + by (modulo 3) in row i. */
function roll(matrix: Tensor, by: number, axis: 0 | 1): Tensor {
  const [head, tail] = tf.split(matrix, [by, 3 - by], axis) as [Tensor, Tensor];
  return tf.concat([tail, head], axis);
}

/** The matrix in the upper left corner of a 3 x 3 one that is the identity elsewhere: same determinant. */
function embed(matrix: Tensor2D): Tensor {
  const [n, columns] = matrix.shape;
  if (n !== columns || n > 3) {
    throw new RangeError(`cofactors: a square matrix of up to 3 x 3 is needed, got [${matrix.shape}]`);
  }
  const ones = tf.tensor2d(
    Array.from({ length: 9 }, (_, i) => (i % 4 === 0 && i / 4 >= n ? 1 : 0)),
    [3, 3],
  );
  const padding: [number, number] = [0, 3 - n];
  return n === 3 ? matrix : tf.add(tf.pad(matrix, [padding, padding]), ones);
}

/** Determinant, a scalar, and the inverse's transpose, [n, n]. */
function invert(matrix: Tensor2D) {
  const [n] = matrix.shape;
  const full = embed(matrix);
  const next = roll(full, 1, 0);
  const last = roll(full, 2, 0);
  const cofactors = tf.sub(tf.mul(roll(next, 1, 1), roll(last, 2, 1)), tf.mul(roll(next, 2, 1), roll(last, 1, 1)));
  const determinant = tf.sum(tf.mul(tf.slice(full, [0, 0], [1, 3]), tf.slice(cofactors, [0, 0], [1, 3])));
  const inverseTransposed = tf.slice(tf.div(cofactors, determinant), [0, 0], [n, n]);
  return { determinant, inverseTransposed };
}

/**
 * log |det| of `matrix` [n, n]: a scalar in nats.
 *
 * @throws RangeError when the matrix is not square or larger than 3 x 3.
 */
export function logAbsDeterminant(matrix: Tensor2D): Tensor {
  return tf.customGrad((matrix, save) => {
    (save as (tensors: Tensor[]) => void)([matrix as Tensor]);
    return {
      value: tf.log(tf.abs(invert(matrix as Tensor2D).determinant)),
      gradFunc: (dy: Tensor, [matrix]: Tensor[]) => tf.mul(dy, invert(matrix as Tensor2D).inverseTransposed),
    };
  })(matrix);
}

/**
 * The inverse of `matrix` [n, n].
 *
 * @throws RangeError when the matrix is not square or larger than 3 x 3.
 */
export function invertMatrix(matrix: Tensor2D): Tensor2D {
  return tf.transpose(invert(matrix).inverseTransposed) as Tensor2D;
}
