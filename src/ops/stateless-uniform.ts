/** Uniform numbers drawn on the device. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { FLOAT, INT32, executeOp, isNative, typeAttribute } from "../engine/kernels.ts";
import { tf } from "../engine/tf.ts";
import { fillUniform, type Key } from "../base/random.ts";

/**
 * Uniform numbers in [0, 1) from a counter-based generator: the same seed gives the same numbers.
 *
 * @param seed int32 [2]; an input of the compiled function, so that every run draws anew.
 * @param stream Distinguishes draws of one seed.
 */
export function statelessUniform(shape: readonly number[], seed: Tensor1D, stream: number): Tensor {
  if (isNative()) {
    const own = tf.add(seed, tf.tensor1d([0, stream], "int32"));
    const size = tf.tensor1d([...shape], "int32");
    const types = [typeAttribute("dtype", FLOAT), typeAttribute("T", INT32), typeAttribute("Tseed", INT32)];
    return executeOp("StatelessRandomUniform", types, [size, own]);
  }
  const [a, b] = seed.dataSync() as Int32Array;
  const out = new Float32Array(shape.reduce((x, y) => x * y, 1));
  fillUniform([a! >>> 0, (b! + stream) >>> 0] as Key, out);
  return tf.tensor(out, [...shape]);
}
