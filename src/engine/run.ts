/** Calls of compiled functions that leave JavaScript free meanwhile. */
import type { Tensor } from "@tensorflow/tfjs";
import type { Compiled } from "./compile.ts";
import { tf } from "./tf.ts";

/**
 * Runs `fn` in another thread on `given`, which may be disposed at once, and on what `upload` makes, which is freed.
 *
 * @returns The outputs, which the caller disposes.
 */
export async function start(fn: Compiled, given: readonly Tensor[], upload: () => Tensor[]): Promise<Tensor[]> {
  const uploaded = tf.tidy(upload);
  const running = fn.start(...given, ...uploaded);
  tf.dispose(uploaded);
  return running;
}

/** The same, with the outputs read back into host memory. */
export async function startAndRead(fn: Compiled, given: readonly Tensor[], upload: () => Tensor[]) {
  const outputs = await start(fn, given, upload);
  try {
    return outputs.map((output) => output.dataSync() as Float32Array);
  } finally {
    tf.dispose(outputs);
  }
}
