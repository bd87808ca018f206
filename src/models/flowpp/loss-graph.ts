/** The variational dequantization loss as tensor operations. */
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import type { SDE } from "../../sde/sde.ts";
import type { ScoreModel } from "../score-model.ts";
import type { Dequantizer } from "./dequantizer.ts";
import type { DequantizationTermOptions } from "./loss-terms.ts";

export interface DequantizationSetup extends DequantizationTermOptions {
  /** True when the score model takes data in [-1, 1], false when in [0, 1]. */
  readonly centered: boolean;
}

/** Images [B, H, W, C] and numbers of each example [B], as `DequantizationDraws` and `DequantizationTerms` have them. */
export interface LossTensors {
  readonly image: Tensor4D;
  readonly noise: Tensor4D;
  readonly priorNoise: Tensor4D;
  readonly timeNoise: Tensor4D;
  readonly timeCondition: Tensor1D;
  readonly meanCoeff: Tensor1D;
  readonly std: Tensor1D;
  readonly outputScale: Tensor1D;
  readonly inputScale?: Tensor1D;
  readonly weight: Tensor1D;
  readonly drift: Tensor1D;
  /** Adds the offset from time eps to time 0 to the loss. */
  readonly offsetNoise?: Tensor4D;
}

type Parameters = Readonly<Record<string, Tensor>>;

/** Losses [B] in nats from the dequantizer's parameters, the score model's, and the batch. */
export type LossGraph = (parameters: Parameters, scoreParameters: Parameters, batch: LossTensors) => Tensor1D;

const sumPixels = (x: Tensor): Tensor1D => tf.sum(x, [1, 2, 3]);
const perExample = (values: Tensor) => values.reshape([-1, 1, 1, 1]);

/** |r + z|^2 - |z|^2 of each example, r being sigma times the score: [B]. */
const excess = (r: Tensor, z: Tensor) => sumPixels(tf.mul(r, tf.add(r, tf.mul(z, 2))));

/**
 * -log p(x(T)) + 1/2 integral of g^2 (|score|^2 ...) - log-determinants, with u drawn by the dequantizer.
 *
 * @see Song et al. 2021, Section 5.2; the reference's losses.py get_dequantization_loss_fn
 */
export function lossGraph(
  dequantizer: Dequantizer,
  model: ScoreModel,
  sde: SDE,
  setup: DequantizationSetup,
): LossGraph {
  const dims = dequantizer.shape.reduce((a, b) => a * b, 1);
  const { T } = sde;
  const { eps } = setup;

  const priorTerm = (data: Tensor4D, z: Tensor) => {
    const x = tf.add(tf.mul(data, sde.meanCoeff(T)), tf.mul(z, sde.std(T)));
    const constant = 0.5 * dims * Math.log(2 * Math.PI * sde.priorStd ** 2);
    return tf.add(tf.mul(sumPixels(tf.square(x)), 0.5 / sde.priorStd ** 2), constant);
  };

  const offsetTerm = (r: Tensor, z: Tensor) => {
    const noiseTerm = tf.sub(sumPixels(tf.square(z)), dims);
    return tf.sub(tf.mul(tf.add(excess(r, z), noiseTerm), 0.5), dims * Math.log(sde.meanCoeff(eps)));
  };

  return (parameters, scoreParameters, batch) => {
    const { image, timeNoise, timeCondition, outputScale, inputScale, offsetNoise } = batch;
    const { u, negLogQ } = dequantizer.apply({ parameters }, batch.noise, image);
    const unit = tf.div<Tensor4D>(tf.add(tf.mul(image, 255), u), 256);
    const data = setup.centered ? tf.sub<Tensor4D>(tf.mul(unit, 2), 1) : unit;
    const perturb = (mean: Tensor, noise: Tensor) => tf.add<Tensor4D>(tf.mul(data, mean), noise);
    const perturbed = perturb(perExample(batch.meanCoeff), tf.mul(timeNoise, perExample(batch.std)));
    /** sigma times the score. */
    const scaledScore = (x: Tensor4D, condition: Tensor, scale: Tensor, skip?: Tensor) => {
      const out = tf.mul(model.apply({ parameters: scoreParameters }, x, condition as Tensor1D), perExample(scale));
      return skip ? tf.add(out, tf.mul(x, perExample(skip))) : out;
    };
    const rest = tf.add(tf.sub(priorTerm(data, batch.priorNoise), negLogQ), batch.drift);
    const atTime = (r: Tensor) => tf.add<Tensor1D>(rest, tf.mul(excess(r, timeNoise), tf.mul(batch.weight, 0.5)));
    if (!offsetNoise) return atTime(scaledScore(perturbed, timeCondition, outputScale, inputScale));

    // Both scores in one pass over twice the batch.
    const early = perturb(tf.scalar(sde.meanCoeff(eps)), tf.mul(offsetNoise, sde.std(eps)));
    const fill = (value: number) => tf.fill([u.shape[0]], value);
    const both = scaledScore(
      tf.concat([perturbed, early], 0),
      tf.concat([timeCondition, fill(sde.timeCondition(eps))], 0),
      tf.concat([outputScale, fill(sde.std(eps) * sde.scoreScale(eps))], 0),
      inputScale && tf.concat([inputScale, fill(sde.std(eps) * sde.inputScale!(eps))], 0),
    );
    const [late, first] = tf.split(both, 2, 0) as [Tensor, Tensor];
    return tf.add(atTime(late), offsetTerm(first, offsetNoise));
  };
}
