/** Single TensorFlow ops that the tfjs API does not reach, each with a fallback for other engines. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { ATTR, type OpAttribute } from "./graph-def.ts";
import type { NodeBackend, OutputInfo } from "./binding.ts";
import { tf } from "./tf.ts";

/** TensorFlow's numbers of data types. */
export const FLOAT = 1;
export const INT32 = 3;
export const BFLOAT16 = 14;

/** True when the engine is a native TensorFlow: ops can be called by name and graphs recorded. */
export const isNative = () => tf.getBackend() === "tensorflow";

export const typeAttribute = (name: string, value: number): OpAttribute => ({ name, type: ATTR.TYPE, value });

/** The backend of a native engine. */
export const nativeBackend = () => tf.backend() as unknown as NodeBackend;

/** Tensors of what the binding returned. */
export const tensorsOf = (results: readonly OutputInfo[]): Tensor[] =>
  results.map((info) => nativeBackend().createOutputTensor(info));

/** Runs a TensorFlow op by name; native engines only. */
export function executeOp(op: string, attributes: OpAttribute[], inputs: Tensor[]): Tensor {
  return nativeBackend().executeSingleOutput(op, attributes, inputs);
}

/** The same for an op with several outputs. */
export function executeOps(op: string, attributes: OpAttribute[], inputs: Tensor[], outputs: number): Tensor[] {
  return nativeBackend().executeMultipleOutputs(op, attributes, inputs, outputs);
}

/**
 * True when our own ops exist (src/engine/native/group-norm.cc, between-products.cc): on CPUs, with the binding that
 * the set-up compiles.
 */
export function hasOwnOps(): boolean {
  if (!isNative()) return false;
  const { binding, isUsingGpuDevice } = nativeBackend();
  return binding.addFunction !== undefined && !isUsingGpuDevice;
}

/** True when XLA compiles what runs in another thread: on a GPU, if asked for. XLA has none of our own ops for CPUs. */
export const usesXla = (): boolean => process.env["SCORESTREAM_XLA"] === "1" && nativeBackend().isUsingGpuDevice;

const NHWC: OpAttribute = { name: "data_format", type: ATTR.STRING, value: "NHWC" };

/** Adds `bias` [C] to the last axis; faster than a broadcast add and fused into the convolution before it. */
export function biasAdd(x: Tensor, bias: Tensor1D): Tensor {
  return isNative() ? executeOp("BiasAdd", [typeAttribute("T", FLOAT), NHWC], [x, bias]) : tf.add(x, bias);
}

/** Sum of `dy` over all axes but the last: [C]. */
export function biasAddGrad(dy: Tensor): Tensor {
  if (isNative()) return executeOp("BiasAddGrad", [typeAttribute("T", FLOAT), NHWC], [dy]);
  return tf.sum(
    dy,
    dy.shape.slice(0, -1).map((_, axis) => axis),
  );
}

/**
 * `x`, float32, to be used once `other` is there. A graph computes what depends on it anew, and late, where it would otherwise keep
 * an equal result from early on: time for memory.
 */
export function after<T extends Tensor>(x: T, other: Tensor): T {
  if (!isNative()) return x;
  const result = executeOp("Identity", [typeAttribute("T", FLOAT)], [x]);
  const backend = nativeBackend();
  const [id, otherId] = backend.getInputTensorIds([result, other]) as [number, number];
  backend.binding.order?.(id, otherId);
  return result as T;
}

/** `x`, float32: what is computed from it is too, where products of a compiled function are in bfloat16. */
export function keepFloat32<T extends Tensor>(x: T): T {
  const keep = isNative() ? nativeBackend().binding.keepFloat32 : undefined;
  if (!keep) return x;
  return tf.customGrad((x) => {
    const value = executeOp("Identity", [typeAttribute("T", FLOAT)], [x as Tensor]);
    keep(nativeBackend().getInputTensorIds([value])[0]!);
    return { value, gradFunc: (dy: Tensor) => dy };
  })(x) as T;
}
