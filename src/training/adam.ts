/** Clip by global norm and Adam on the flat parameter vector, as one compiled function. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { compile } from "../engine/compile.ts";
import { tf } from "../engine/tf.ts";

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  /** Added outside the root. */
  readonly eps: number;
  /** Gradients of a larger global norm are scaled down to it; negative turns clipping off. */
  readonly gradClip: number;
  readonly weightDecay: number;
  readonly compile: boolean;
}

/** Parameters and moments, [P] each. */
export interface AdamState {
  readonly parameters: Tensor1D;
  readonly m: Tensor1D;
  readonly v: Tensor1D;
}

export interface Adam {
  /** New state and the gradient's norm before clipping; the caller owns old and new. `step` counts from 0. */
  update(
    state: AdamState,
    gradient: Tensor1D,
    step: number,
    lr: number,
  ): { readonly state: AdamState; readonly norm: number };
  dispose(): void;
}

/** g * clip / max(|g|, clip). */
function clipped(gradient: Tensor, norm: Tensor, clip: number): Tensor {
  return clip < 0 ? gradient : tf.mul(gradient, tf.div(clip, tf.maximum(norm, clip)));
}

/**
 * Adam with bias correction.
 *
 * @see flax.optim.Adam 0.3.3 apply_param_gradient; the reference's optimization_manager for the clipping
 */
export function adamUpdate({ beta1, beta2, eps, gradClip, weightDecay, compile: on }: AdamOptions): Adam {
  const apply = compile(
    (parameters, m, v, gradient, scalars) => {
      const [lr, correction1, correction2] = [0, 1, 2].map((i) => tf.slice1d(scalars as Tensor1D, i, 1)) as Tensor[];
      const norm = tf.sqrt(tf.sum(tf.square(gradient)));
      const g = clipped(gradient, norm, gradClip);
      const m1 = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
      const v1 = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
      const direction = tf.div(tf.div(m1, correction1!), tf.add(tf.sqrt(tf.div(v1, correction2!)), eps));
      const decayed = weightDecay ? tf.add(direction, tf.mul(parameters, weightDecay)) : direction;
      return [tf.sub(parameters, tf.mul(decayed, lr!)), m1, v1, norm];
    },
    { name: "adam", compile: on },
  );
  return {
    update({ parameters, m, v }, gradient, step, lr) {
      const scalars = tf.tensor1d([lr, 1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)]);
      const [p1, m1, v1, norm] = apply(parameters, m, v, gradient, scalars) as [Tensor1D, Tensor1D, Tensor1D, Tensor];
      const value = norm.dataSync()[0]!;
      tf.dispose([scalars, norm]);
      return { state: { parameters: p1, m: m1, v: v1 }, norm: value };
    },
    dispose: () => apply.dispose(),
  };
}
