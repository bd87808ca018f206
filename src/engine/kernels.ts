/** Single TensorFlow ops that the tfjs API does not reach, each with a fallback for other engines. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { fillUniform, type Key } from "../ops/random.ts";
import { ATTR, type OpAttribute } from "./graph-def.ts";
import type { NodeBackend } from "./recorder.ts";
import { tf } from "./tf.ts";

const FLOAT = 1;
const INT32 = 3;

/** Whether the engine is a native TensorFlow, that is, whether ops can be called by name and graphs recorded. */
export const isNative = () => tf.getBackend() === "tensorflow";

const type = (name: string, value: number): OpAttribute => ({ name, type: ATTR.TYPE, value });

function run(op: string, attributes: OpAttribute[], inputs: Tensor[]): Tensor {
  return (tf.backend() as unknown as NodeBackend).executeSingleOutput(op, attributes, inputs);
}

const NHWC: OpAttribute = { name: "data_format", type: ATTR.STRING, value: "NHWC" };

/** Adds `bias` [C] to the last axis; faster than a broadcast add and fused into the convolution before it. */
export function biasAdd(x: Tensor, bias: Tensor1D): Tensor {
  return isNative() ? run("BiasAdd", [type("T", FLOAT), NHWC], [x, bias]) : tf.add(x, bias);
}

/** Sum of `dy` over all axes but the last: [C]. */
export function biasAddGrad(dy: Tensor): Tensor {
  if (isNative()) return run("BiasAddGrad", [type("T", FLOAT), NHWC], [dy]);
  return tf.sum(
    dy,
    dy.shape.slice(0, -1).map((_, axis) => axis),
  );
}

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
    const types = [type("dtype", FLOAT), type("T", INT32), type("Tseed", INT32)];
    return run("StatelessRandomUniform", types, [size, own]);
  }
  const [a, b] = seed.dataSync() as Int32Array;
  const out = new Float32Array(shape.reduce((x, y) => x * y, 1));
  fillUniform([a! >>> 0, (b! + stream) >>> 0] as Key, out);
  return tf.tensor(out, [...shape]);
}
