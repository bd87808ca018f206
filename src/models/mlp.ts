/** A small score network for vectors, which depends on the time. */
import type { Tensor2D } from "@tensorflow/tfjs";
import { activate, denseLayer, timestepEmbedding } from "./layers.ts";
import type { ScoreModel } from "./score-model.ts";
import { Scope } from "./scope.ts";
import { tf } from "../engine/tf.ts";

/** Sizes of {@link mlp}. */
export interface MlpConfig {
  /** Numbers in an example, D. */
  readonly dims: number;
  /** Units of a hidden layer. */
  readonly width: number;
  /** Hidden layers, each with a skip connection and the embedded time. */
  readonly depth: number;
}

/** Builds the network for examples of the shape [D]. */
export function mlp({ dims, width, depth }: MlpConfig): ScoreModel<readonly [number]> {
  const scope = Scope.root();
  const embed = denseLayer(scope, width, width);
  const first = denseLayer(scope, dims, width);
  const hidden = Array.from({ length: depth }, () => ({
    shift: denseLayer(scope, width, width),
    layer: denseLayer(scope, width, width),
  }));
  const last = denseLayer(scope, width, dims);
  return {
    shape: [dims],
    parameters: scope.specs(),
    apply(context, x: Tensor2D, timeCondition) {
      const time = activate(embed(context, timestepEmbedding(timeCondition, width)), "swish");
      let h = first(context, x);
      for (const { shift, layer } of hidden) {
        h = tf.add(h, layer(context, activate(tf.add<Tensor2D>(h, shift(context, time)), "swish")));
      }
      return last(context, h);
    },
  };
}
