/** Exponential moving average of the parameters. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { compile } from "../engine/compile.ts";
import { tf } from "../engine/tf.ts";

export interface Ema {
  /** rate * average + (1 - rate) * parameters, [P]; the caller owns old and new. */
  update(average: Tensor1D, parameters: Tensor1D, rate: number): Tensor1D;
  dispose(): void;
}

/** @see the reference's losses.py step_fn */
export function exponentialMovingAverage(options: { readonly compile: boolean }): Ema {
  const apply = compile(
    (average, parameters, rate) => [tf.add(tf.mul(average, rate), tf.mul(parameters, tf.sub(1, rate)))],
    { name: "ema", ...options },
  );
  return {
    update(average, parameters, rate) {
      const scalar = tf.tensor1d([rate]);
      const [next] = apply(average, parameters, scalar) as [Tensor1D];
      scalar.dispose();
      return next;
    },
    dispose: () => apply.dispose(),
  };
}
