/** A score model with its compiled functions: loss and gradient, and the score with its divergence. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { compile } from "../engine/compile.ts";
import { keepFloat32 } from "../engine/kernels.ts";
import { startAndRead } from "../engine/run.ts";
import { tf } from "../engine/tf.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import type { SDE } from "../sde/sde.ts";
import { lossGradient, startLossGradient, type LossAndGradient } from "./loss-gradient.ts";
import type { ScoreModel } from "./score-model.ts";
import { layoutOf, unflatten, type ParameterLayout } from "./parameters.ts";

/** Inputs of the denoising score matching loss of a batch; all but the examples are [B]. */
export interface LossInputs {
  /** x(t), [B, ...shape]. */
  readonly perturbed: Float32Array;
  /**
   * z of x(t) = alpha_t x(0) + sigma_t z, [B, ...shape]; the output times `outputScale` must cancel it. With
   * `SDE.inputScale`, sigma_t times that scale times x(t) is added.
   */
  readonly noise: Float32Array;
  /** The network's input for t, `SDE.timeCondition`. */
  readonly timeCondition: Float32Array;
  /**
   * sigma_t times `SDE.scoreScale(t)`. Without `inputScale`, sigma_t times the score is this times the network's
   * output.
   */
  readonly outputScale: Float32Array;
  /** Factor on each example's loss. */
  readonly weight: Float32Array;
}

/** Precision of products, by purpose. With "float32", the engine decides, and uses TF32 on a GPU. */
export interface Precisions {
  readonly training: "float32" | "bfloat16";
  /** Likelihood, bound, losses without dropout, and samples. */
  readonly evaluation: "float32" | "bfloat16";
}

const FLOAT32: Precisions = { training: "float32", evaluation: "float32" };

/** Options of {@link scoreNetwork}. */
export interface ScoreNetworkOptions {
  /** Use the mean over the numbers of an example instead of half their sum; the reference's `reduce_mean`. */
  readonly reduceMean: boolean;
  /** Record the functions as TensorFlow graphs; if false, they run eagerly. */
  readonly compile: boolean;
  readonly precision?: Precisions;
}

/** A network with its compiled losses, gradients and scores. */
export interface ScoreNetwork {
  readonly model: ScoreModel;
  readonly layout: ParameterLayout;
  /** The SDE of a session's network. A network outside a session has none and accepts any. */
  readonly sde?: SDE;
  /** Losses [B] without dropout, computed like those of {@link lossAndGradient}. */
  losses(parameters: Tensor1D, inputs: LossInputs): Promise<Float32Array>;
  /**
   * Computes losses [B], and the gradient of their mean in the layout of the parameters. The caller disposes the
   * gradient.
   *
   * The computation runs in another thread. JavaScript continues meanwhile, and the parameters may be disposed
   * immediately.
   *
   * @param dropoutKey Two words that determine the dropout masks.
   */
  lossAndGradient(
    parameters: Tensor1D,
    inputs: LossInputs,
    dropoutKey: readonly [number, number],
  ): Promise<LossAndGradient>;
  /** Returns the score of `parameters`, for the solvers. The caller keeps ownership of the tensor. */
  scoreFunction(parameters: Tensor1D, sde: SDE): ScoreFunction;
  /** Frees the graphs. */
  dispose(): void;
}

/** The axes of one example. */
const axesOf = (x: Tensor) => x.shape.slice(1).map((_, i) => i + 1);

/** Sum or mean over an example of (sigma * score + z)^2, times the weight: [B]. */
function denoisingLoss(out: Tensor, noise: Tensor, scale: Tensor, weight: Tensor, reduceMean: boolean): Tensor1D {
  const axes = axesOf(out);
  const size = axes.reduce((product, axis) => product * out.shape[axis]!, 1);
  const difference = tf.add(tf.mul(out, scale.reshape([-1, ...axes.map(() => 1)])), noise);
  const sums = tf.sum(tf.square(difference), axes);
  return tf.mul(sums, tf.mul(weight, reduceMean ? 1 / size : 0.5)) as Tensor1D;
}

/** |v|^2 of each of `count` examples. */
function squares(values: Float32Array, count: number): Float64Array {
  const dims = values.length / count;
  return Float64Array.from({ length: count }, (_, b) => {
    let sum = 0;
    for (let i = b * dims; i < (b + 1) * dims; i++) sum += values[i]! ** 2;
    return sum;
  });
}

/** Compiles `model`. @see the reference's losses.py get_sde_loss_fn, models/utils.py get_score_fn */
export function scoreNetwork(model: ScoreModel, options: ScoreNetworkOptions): ScoreNetwork {
  const { reduceMean, compile: on, precision = FLOAT32 } = options;
  const layout = layoutOf(model.parameters);
  const dims = model.shape.reduce((a, b) => a * b, 1);
  const examples = (data: Float32Array) => tf.tensor(data, [data.length / dims, ...model.shape]);
  const upload = (inputs: LossInputs) => [
    examples(inputs.perturbed),
    examples(inputs.noise),
    tf.tensor1d(inputs.timeCondition),
    tf.tensor1d(inputs.outputScale),
    tf.tensor1d(inputs.weight),
  ];

  const loss = compile(
    (flat, x, z, condition, scale, weight) => {
      const context = { parameters: unflatten(layout, flat as Tensor1D) };
      const out = keepFloat32(model.apply(context, x, condition as Tensor1D));
      return [denoisingLoss(out, z, scale, weight, reduceMean)];
    },
    { name: "loss", compile: on, precision: precision.evaluation },
  );

  const gradient = compile(
    (flat, x, z, condition, scale, weight, dropoutSeed) => {
      return lossGradient(layout, flat as Tensor1D, (parameters) => {
        const context = { parameters, dropoutSeed: dropoutSeed as Tensor1D };
        const out = keepFloat32(model.apply(context, x, condition as Tensor1D));
        return denoisingLoss(out, z, scale, weight, reduceMean);
      });
    },
    { name: "loss gradient", compile: on, precision: precision.training },
  );

  const output = compile(
    (flat, x, condition) => [
      model.apply({ parameters: unflatten(layout, flat as Tensor1D) }, x, condition as Tensor1D),
    ],
    { name: "network", compile: on, precision: precision.evaluation },
  );

  const outputAndDivergence = compile(
    (flat, x, condition, probe) => {
      const parameters = unflatten(layout, flat as Tensor1D);
      let out: Tensor | undefined;
      const product = tf.grad((x: Tensor) => {
        out = tf.keep(keepFloat32(model.apply({ parameters }, x, condition as Tensor1D)));
        return tf.sum(tf.mul(out, probe));
      })(x);
      const result = [tf.mul(out!, 1), tf.sum(tf.mul(product, probe), axesOf(x))];
      out!.dispose();
      return result;
    },
    { name: "network with divergence", compile: on, precision: precision.evaluation },
  );

  return {
    model,
    layout,

    async losses(parameters, inputs) {
      const [losses] = await startAndRead(loss, [parameters], () => upload(inputs));
      return losses!;
    },

    lossAndGradient: (parameters, inputs, [k0, k1]) =>
      startLossGradient(gradient, [parameters], () => [...upload(inputs), tf.tensor1d([k0 | 0, k1 | 0], "int32")]),

    scoreFunction(parameters, sde) {
      /** Turns outputs at x(t) into scores, in place. */
      const toScore = (out: Float32Array, x: Float32Array, t: Float64Array) => {
        for (let b = 0; b < t.length; b++) {
          const scale = sde.scoreScale(t[b]!);
          for (let i = b * dims; i < (b + 1) * dims; i++) out[i]! *= scale;
          const skip = sde.inputScale?.(t[b]!) ?? 0;
          for (let i = b * dims; skip !== 0 && i < (b + 1) * dims; i++) out[i]! += skip * x[i]!;
        }
      };
      const condition = (t: Float64Array) => tf.tensor1d(Float32Array.from(t, (v) => sde.timeCondition(v)));
      return {
        sde,
        shape: model.shape,
        async score(x, t) {
          const inputs = () => [examples(x), condition(t)];
          const [out] = (await startAndRead(output, [parameters], inputs)) as [Float32Array];
          toScore(out, x, t);
          return out;
        },
        async scoreAndDivergence(x, t, probe) {
          const inputs = () => [examples(x), condition(t), examples(probe)];
          const results = await startAndRead(outputAndDivergence, [parameters], inputs);
          const [out, product] = results as [Float32Array, Float32Array];
          toScore(out, x, t);
          const probes = sde.inputScale && squares(probe, t.length);
          const divergence = Float64Array.from(t, (time, b) => {
            const own = product[b]! * sde.scoreScale(time);
            return probes ? own + sde.inputScale!(time) * probes[b]! : own;
          });
          return { score: out, divergence };
        },
      };
    },

    dispose() {
      for (const fn of [loss, gradient, output, outputAndDivergence]) fn.dispose();
    },
  };
}
