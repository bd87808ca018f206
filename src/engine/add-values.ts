/** Addition of float32 vectors in host memory, to the bits of the engine's own. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { isNative, nativeBackend } from "./kernels.ts";
import { tf } from "./tf.ts";
import { readInto } from "./values.ts";

/** Adds `a` and `b` into `out`, which may be one of them; all of one length. */
export type Adder = (a: Float32Array, b: Float32Array, out: Float32Array) => void;

const byEngine: Adder = (a, b, out) => {
  const sum = tf.tidy(() => tf.add<Tensor1D>(tf.tensor1d(a), tf.tensor1d(b)));
  readInto(sum, out);
  sum.dispose();
};

/** Each sum is rounded once more, from double, which changes none. */
const inJavaScript: Adder = (a, b, out) => {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! + b[i]!;
};

/** Numbers at which additions differ: TensorFlow's kernels on CPUs take subnormal ones for 0. */
const EDGES = [0, 1, 1 / 3, 1e-7, 2 ** -126, 2 ** -125, 1.5 * 2 ** -126, 2 ** -127, 1e-40, 2 ** -149, 3.4e38, 1e-30];
const BOTH = EDGES.flatMap((edge) => [edge, -edge]);
/** Longer than what one thread of the engine adds alone. */
const REPEATED = 200;

function bitsOf(adder: Adder): Int32Array {
  const pairs = Array.from({ length: REPEATED }, () => BOTH.flatMap((a) => BOTH.map((b) => [a, b]))).flat();
  const [a, b] = [0, 1].map((i) => Float32Array.from(pairs, (pair) => pair[i]!)) as [Float32Array, Float32Array];
  adder(a, b, a);
  return new Int32Array(a.buffer);
}

let found: { readonly backend: string; readonly adder: Adder } | undefined;

/** The fastest that comes to the engine's bits here, which is looked at once. */
export function findAdder(): Adder {
  const backend = tf.getBackend();
  if (found?.backend === backend) return found.adder;
  const compiled = isNative() ? nativeBackend().binding.addValues : undefined;
  const wanted = bitsOf(byEngine);
  const isSame = (adder: Adder) => bitsOf(adder).every((bits, i) => bits === wanted[i]);
  const adder = [...(compiled ? [compiled] : []), inJavaScript].find(isSame) ?? byEngine;
  found = { backend, adder };
  return adder;
}
