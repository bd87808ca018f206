/**
 * Mixtures of logistic distributions, elementwise, in forms that stay finite in float32.
 *
 * Everywhere `x` has any shape S, and `logits`, `means` and `logScales` have the shape [...S, K]: component k has the
 * weight softmax(logits)_k and the density of `means_k + exp(logScales_k) * logistic noise`.
 *
 * @see Ho et al., Flow++ (2019), Section 3.2.1; the reference's models/flowpp/logistic.py
 */
import type { Tensor } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";

/** Parameters of the mixtures, each [...S, K]. */
export interface LogisticMixture {
  readonly logits: Tensor;
  readonly means: Tensor;
  readonly logScales: Tensor;
}

/** Distances from a mean are cut here, so that no product or sum of them overflows. */
const FARTHEST = 1e30;

/** Halvings of the bracket; from a width of 1e6 they reach 1e-13. */
const BISECTIONS = 64;

const logSigmoid = (z: Tensor) => tf.neg(tf.softplus(tf.neg(z)));
const expand = (x: Tensor) => tf.expandDims(x, -1);
const softmaxOf = (terms: Tensor, logSum: Tensor) => tf.exp(tf.sub(terms, expand(logSum)));

/**
 * Computes for each component, [...S, K]: log weight, standardized distance z, and the logarithms of sigmoid(z) and
 * sigmoid(-z).
 */
function components(x: Tensor, { logits, means, logScales }: LogisticMixture) {
  const logWeights = tf.sub(logits, tf.logSumExp(logits, -1, true));
  const distance = tf.clipByValue(tf.sub(expand(x), means), -FARTHEST, FARTHEST);
  const z = tf.mul(distance, tf.exp(tf.neg(logScales)));
  return { logWeights, z, logLower: logSigmoid(z), logUpper: logSigmoid(tf.neg(z)) };
}

/** The addends whose log-sum-exp over the last axis gives log cdf, log(1 - cdf) and log density. */
function addends(x: Tensor, mixture: LogisticMixture) {
  const { logWeights, z, logLower, logUpper } = components(x, mixture);
  const below = tf.add(logWeights, logLower);
  return {
    logWeights,
    z,
    below,
    above: tf.add(logWeights, logUpper),
    at: tf.sub(tf.add(below, logUpper), mixture.logScales),
  };
}

/** Log of the cumulative distribution function at `x`: shape S, at most 0. */
export function mixtureLogCdf(x: Tensor, mixture: LogisticMixture): Tensor {
  return tf.logSumExp(addends(x, mixture).below, -1);
}

/** Log density at `x` in nats: shape S. */
export function mixtureLogPdf(x: Tensor, mixture: LogisticMixture): Tensor {
  return tf.logSumExp(addends(x, mixture).at, -1);
}

/** Logit of the cdf and log of that logit's slope, joined on axis 0: [2 S0, ...]. */
function joined(x: Tensor, mixture: LogisticMixture): Tensor {
  const { below, above, at } = addends(x, mixture);
  const [lower, upper, density] = [below, above, at].map((terms) => tf.logSumExp(terms, -1)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return tf.concat([tf.sub(lower, upper), tf.sub(density, tf.add(lower, upper))], 0);
}

/** Gradients of {@link joined} for its cotangent: of x, logits, means and logScales. */
function joinedGradients(x: Tensor, mixture: LogisticMixture, cotangent: Tensor): Tensor[] {
  const [dLogit, dSlope] = tf.split(cotangent, 2, 0) as [Tensor, Tensor];
  const { logWeights, z, below, above, at } = addends(x, mixture);
  const share = (terms: Tensor, factor: Tensor) => tf.mul(softmaxOf(terms, tf.logSumExp(terms, -1)), expand(factor));
  const lower = share(below, tf.sub(dLogit, dSlope));
  const upper = share(above, tf.neg(tf.add(dLogit, dSlope)));
  const density = share(at, dSlope);

  const [sigmoid, complement] = [tf.sigmoid(z), tf.sigmoid(tf.neg(z))];
  const dZ = tf.sub(tf.mul(tf.add(lower, density), complement), tf.mul(tf.add(upper, density), sigmoid));
  const dDistance = tf.mul(dZ, tf.exp(tf.neg(mixture.logScales)));
  // Each of the three shares sums to its factor, and the factors to -dSlope.
  const dLogits = tf.add(tf.add(lower, tf.add(upper, density)), tf.mul(tf.exp(logWeights), expand(dSlope)));
  const dLogScales = tf.neg(tf.add(tf.mul(z, dZ), density));
  return [tf.sum(dDistance, -1), dLogits, tf.neg(dDistance), dLogScales];
}

/**
 * The map x -> logit(cdf(x)) of the real line onto itself, with the logarithm of its derivative.
 *
 * Equal to the reference's cdf followed by the inverse sigmoid, but through log cdf - log(1 - cdf), so that nothing is
 * lost or cut off where the cdf rounds to 0 or 1.
 *
 * @param x Shape S of rank 1 or more.
 * @returns `logit` and `logDerivative` (nats), both of shape S. Finite for all finite inputs.
 */
export function mixtureLogit(x: Tensor, mixture: LogisticMixture): { logit: Tensor; logDerivative: Tensor } {
  const both = tf.customGrad((x, logits, means, logScales, save) => {
    const inputs = [x, logits, means, logScales] as Tensor[];
    (save as (tensors: Tensor[]) => void)(inputs);
    const of = ([x, logits, means, logScales]: Tensor[]) =>
      [x!, { logits: logits!, means: means!, logScales: logScales! }] as const;
    return {
      value: joined(...of(inputs)),
      gradFunc: (dy: Tensor, saved: Tensor[]) => joinedGradients(...of(saved), dy),
    };
  })(x, mixture.logits, mixture.means, mixture.logScales);
  const [logit, logDerivative] = tf.split(both, 2, 0) as [Tensor, Tensor];
  return { logit, logDerivative };
}

/**
 * The inverse of {@link mixtureLogit}: the x with logit(cdf(x)) = `logit`, by bisection.
 *
 * The quantile of a mixture lies between the smallest and the largest quantile of its components, which are known in
 * closed form: they bracket it, so bisection converges for any parameters.
 *
 * @param logit Shape S.
 * @returns Shape S.
 */
export function inverseMixtureLogit(logit: Tensor, mixture: LogisticMixture): Tensor {
  return tf.tidy(() => {
    const scales = tf.exp(tf.minimum(mixture.logScales, Math.log(FARTHEST)));
    const unbounded = tf.add(mixture.means, tf.mul(scales, expand(logit)));
    const quantiles = tf.clipByValue(unbounded, -FARTHEST, FARTHEST);
    let [low, high]: [Tensor, Tensor] = [tf.min(quantiles, -1), tf.max(quantiles, -1)];
    for (let i = 0; i < BISECTIONS; i++) {
      const [newLow, newHigh] = tf.tidy((): [Tensor, Tensor] => {
        const middle = middleOf(low, high);
        const { below, above } = addends(middle, mixture);
        const value = tf.sub(tf.logSumExp(below, -1), tf.logSumExp(above, -1));
        const tooFar = tf.greater(value, logit);
        return [tf.where(tooFar, low, middle), tf.where(tooFar, middle, high)];
      });
      tf.dispose([low, high]);
      [low, high] = [newLow, newHigh];
    }
    return middleOf(low, high);
  });
}

/** Halves before adding, so that large ends do not overflow. */
const middleOf = (low: Tensor, high: Tensor) => tf.add(tf.mul(low, 0.5), tf.mul(high, 0.5));
