/** The network that turns an image into features for the couplings. */
import type { Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import type { Scope } from "../scope.ts";
import type { FlowLayer } from "./affine.ts";
import { pairColumns } from "./columns.ts";
import { gatedAttention, gatedConv, layerNormalization, positionEmbedding } from "./blocks.ts";
import type { FlowForm } from "./form.ts";

const HEADS = 4;

/** `ShallowProcessor` and `DeepProcessor`: images [B, H, W, C] in [0, 1] -> features [B, H, W/2, 32]. */
export function imageProcessor(parent: Scope, [H, W, C]: readonly [number, number, number], form: FlowForm): FlowLayer {
  const { conv, features, processor } = form;
  const scope = parent.child(processor.name);
  const project = conv(scope, "proj", { inputs: 2 * C, outputs: features });
  const positions = processor.attention ? positionEmbedding(scope, "pos_emb_dq", [H, W / 2, features]) : undefined;
  const layers = Array.from({ length: processor.blocks }, (_, i) => {
    const own: FlowLayer[] = [gatedConv(scope, `c${i}`, { channels: features, conv, last: conv })];
    if (processor.norm) own.push(layerNormalization(scope, `dqln${i}`, features));
    if (positions) {
      own.push(gatedAttention(scope, `dqattn${i}`, { channels: features, heads: HEADS, positions }));
      own.push(layerNormalization(scope, `ln${i}`, features));
    }
    return own;
  }).flat();
  return (context, image) => {
    const columns = tf.sub<Tensor4D>(pairColumns(image), 0.5);
    return layers.reduce((h, layer) => layer(context, h), project(context, columns));
  };
}
