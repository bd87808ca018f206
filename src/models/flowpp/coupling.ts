/** The coupling layer of Flow++: the odd columns go through a mixture of logistics that the even columns choose. */
import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { inverseMixtureLogit, mixtureLogit, type LogisticMixture } from "../../ops/logistic-mixture.ts";
import type { Scope } from "../scope.ts";
import { affineDense, type FlowLayer } from "./affine.ts";
import type { Bijection } from "./bijection.ts";
import { concatElu, gatedAttention, gatedConv, layerNormalization, positionEmbedding } from "./blocks.ts";
import type { FlowContext } from "./context.ts";
import type { FlowForm, FlowSizes } from "./form.ts";

/** The smallest log scale of a component, as in the reference. */
const MIN_LOG_SCALE = -7;

/** Standard deviation of the network's outputs at the initialization. */
const OUTPUT_SPREAD = 0.1;

/** The network's output for each number of the other half, all [B, H, W, C] or [B, H, W, C, K]. */
interface Transformation {
  readonly mixture: LogisticMixture;
  readonly logScale: Tensor;
  readonly shift: Tensor;
}

/** The network from one half [B, H, W, C] and features of the image to {@link Transformation}. */
function couplingNetwork(scope: Scope, shape: readonly [number, number, number], form: FlowForm, sizes: FlowSizes) {
  const [H, W, C] = shape;
  const { filters, components: K, blocks, heads } = sizes;
  const { conv, names } = form;
  const head = conv(scope, names.couplingIn, { inputs: C, outputs: filters });
  const positions = form.attention ? positionEmbedding(scope, "pos_emb", [H, W, filters]) : undefined;
  const layers = Array.from({ length: blocks }, (_, i) => {
    const name = `block${i}`;
    const convolve = gatedConv(scope, `${name}_conv`, {
      channels: filters,
      conv,
      last: affineDense,
      auxiliary: form.features,
    });
    const after: FlowLayer[] = [layerNormalization(scope, `${name}_ln1`, filters)];
    if (positions) {
      after.push(gatedAttention(scope, `${name}_attn`, { channels: filters, heads, positions }));
      after.push(layerNormalization(scope, `${name}_ln2`, filters));
    }
    return { convolve, after };
  });
  const tail = conv(scope, `block${blocks - 1}_${names.couplingOut}`, {
    inputs: form.activateOutput ? 2 * filters : filters,
    outputs: C * (2 + 3 * K),
    spread: OUTPUT_SPREAD,
  });
  return (context: FlowContext, x: Tensor4D, features: Tensor4D): Transformation => {
    let h = head(context, x);
    for (const { convolve, after } of layers) {
      h = convolve(context, h, features);
      for (const layer of after) h = layer(context, h);
    }
    const out = tail(context, form.activateOutput ? concatElu(h) : h).reshape([-1, H, W, C, 2 + 3 * K]);
    const [scale, shift, logits, means, logScales] = tf.split(out, [1, 1, K, K, K], 4) as Tensor[];
    return {
      mixture: { logits: logits!, means: means!, logScales: tf.maximum(logScales!, MIN_LOG_SCALE) },
      logScale: tf.tanh(scale!).reshape([-1, H, W, C]),
      shift: shift!.reshape([-1, H, W, C]),
    };
  };
}

const sumPixels = (x: Tensor) => tf.sum(x, [1, 2, 3]);

/**
 * `MixLogisticAttnCoupling` (`MixLogisticCoupling` in the ImageNet 64 form), on halves of the shape [B, H, W, C]:
 * odd -> logit(cdf(odd)) * exp(s) + t, the mixture, s and t from the even columns and the features of the image.
 */
export function mixtureCoupling(
  parent: Scope,
  shape: readonly [number, number, number],
  form: FlowForm,
  sizes: FlowSizes,
): Bijection {
  const network = couplingNetwork(parent.child(form.names.coupling), shape, form, sizes);
  return {
    forward(context, [even, odd], features) {
      const { mixture, logScale, shift } = network(context, even, features);
      const { logit, logDerivative } = mixtureLogit(odd, mixture);
      const mapped = tf.add<Tensor4D>(tf.mul(logit, tf.exp(logScale)), shift);
      return { halves: [even, mapped], logDet: sumPixels(tf.add(logDerivative, logScale)) };
    },
    inverse(context, [even, mapped], features) {
      const { mixture, logScale, shift } = network(context, even, features);
      const logit = tf.mul(tf.sub(mapped, shift), tf.exp(tf.neg(logScale)));
      const odd = inverseMixtureLogit(logit, mixture) as Tensor4D;
      const { logDerivative } = mixtureLogit(odd, mixture);
      return { halves: [even, odd], logDet: tf.neg(sumPixels(tf.add(logDerivative, logScale))) };
    },
  };
}
