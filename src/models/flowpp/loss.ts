/** The variational dequantization loss: a bound on -log P(x) of discrete images, through a frozen score model. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { compile } from "../../engine/compile.ts";
import { startAndRead } from "../../engine/run.ts";
import { tf } from "../../engine/tf.ts";
import type { SDE } from "../../sde/sde.ts";
import { lossGradient, startLossGradient, type LossAndGradient } from "../loss-gradient.ts";
import type { ScoreModel } from "../score-model.ts";
import { layoutOf, unflatten, type ParameterLayout } from "../parameters.ts";
import type { Dequantizer } from "./dequantizer.ts";
import { lossGraph, type DequantizationSetup, type LossTensors } from "./loss-graph.ts";
import { dequantizationTerms, type DequantizationTimes } from "./loss-terms.ts";

/** A batch and everything drawn for it; images and noises are [B, H, W, C]. */
export interface DequantizationDraws extends DequantizationTimes {
  /** Pixels divided by 255, in [0, 1]. */
  readonly image: Float32Array;
  /** Standard normal: what the dequantizer turns into u. */
  readonly noise: Float32Array;
  /** Standard normal: perturbs to time T for the prior's term. */
  readonly priorNoise: Float32Array;
  /** Standard normal: perturbs to time t. */
  readonly timeNoise: Float32Array;
  /** Standard normal: perturbs to time eps; needed with `offset`. */
  readonly offsetNoise?: Float32Array;
}

export interface DequantizationLoss {
  /** Layout of the dequantizer's parameters. */
  readonly layout: ParameterLayout;
  /** Bounds [B] in nats on -log of the density of (255 image + u) / 256, scaled to the model's range, plus log q. */
  losses(parameters: Tensor1D, score: Tensor1D, draws: DequantizationDraws): Promise<Float32Array>;
  /**
   * The losses, and the gradient of their mean in the dequantizer's parameters, which the caller disposes.
   *
   * Computed in another thread: JavaScript goes on meanwhile, and both parameters may be disposed at once.
   */
  lossAndGradient(parameters: Tensor1D, score: Tensor1D, draws: DequantizationDraws): Promise<LossAndGradient>;
  /** Frees the graphs. */
  dispose(): void;
}

/** The order in which a compiled function takes {@link LossTensors}. */
const INPUTS = [
  ...["image", "noise", "priorNoise", "timeNoise"],
  ...["timeCondition", "meanCoeff", "std", "outputScale", "inputScale", "weight", "drift"],
  "offsetNoise",
];

/**
 * Compiles the loss of `dequantizer` against `model`, whose parameters stay as they are.
 *
 * @param setup With `compile`, the functions are recorded as TensorFlow graphs; otherwise they run eagerly.
 * @see Song et al. 2021, Section 5.2; the reference's losses.py get_dequantization_loss_fn
 */
export function dequantizationObjective(
  dequantizer: Dequantizer,
  model: ScoreModel,
  sde: SDE,
  setup: DequantizationSetup & { readonly compile: boolean },
): DequantizationLoss {
  const layout = layoutOf(dequantizer.parameters);
  const scoreLayout = layoutOf(model.parameters);
  const [H, W, C] = dequantizer.shape;
  const dims = H * W * C;
  const lossOf = lossGraph(dequantizer, model, sde, setup);
  const used = INPUTS.filter((name) =>
    name === "offsetNoise" ? setup.offset : name !== "inputScale" || sde.inputScale,
  );
  const namedInputs = (inputs: readonly Tensor[]) =>
    Object.fromEntries(inputs.map((input, i) => [used[i]!, input])) as unknown as LossTensors;

  const loss = compile(
    (flat, score, ...inputs) => [
      lossOf(unflatten(layout, flat as Tensor1D), unflatten(scoreLayout, score as Tensor1D), namedInputs(inputs)),
    ],
    { name: "dequantization loss", compile: setup.compile },
  );
  const gradient = compile(
    (flat, score, ...inputs) => {
      const scoreParameters = unflatten(scoreLayout, score as Tensor1D);
      return lossGradient(layout, flat as Tensor1D, (parameters) =>
        lossOf(parameters, scoreParameters, namedInputs(inputs)),
      );
    },
    { name: "dequantization loss gradient", compile: setup.compile },
  );

  const upload = (draws: DequantizationDraws): Tensor[] => {
    if (setup.offset && !draws.offsetNoise) throw new RangeError("dequantizationLoss: the offset needs offsetNoise");
    const tensors: Record<string, Float32Array | undefined> = {
      ...dequantizationTerms(sde, setup, draws, dims),
      image: draws.image,
      noise: draws.noise,
      priorNoise: draws.priorNoise,
      timeNoise: draws.timeNoise,
      offsetNoise: draws.offsetNoise,
    };
    const B = draws.t.length;
    return used.map((name) => {
      const data = tensors[name]!;
      return data.length === B ? tf.tensor1d(data) : tf.tensor4d(data, [B, H, W, C]);
    });
  };

  return {
    layout,
    async losses(parameters, score, draws) {
      const [losses] = await startAndRead(loss, [parameters, score], () => upload(draws));
      return losses!;
    },
    lossAndGradient: (parameters, score, draws) =>
      startLossGradient(gradient, [parameters, score], () => upload(draws)),
    dispose() {
      loss.dispose();
      gradient.dispose();
    },
  };
}
