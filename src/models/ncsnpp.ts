/** The NCSN++ family of score networks; DDPM++ is its form with positional embedding and naive resampling. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";
import {
  bigGanBlock,
  combine,
  ddpmBlock,
  resampleLayer,
  type Block,
  type BlockOptions,
  type Resample,
} from "./blocks.ts";
import {
  activate,
  attention,
  conv,
  denseLayer,
  fourierEmbedding,
  norm,
  residual,
  timestepEmbedding,
  withFourierFeatures,
  type Layer,
} from "./layers.ts";
import { checkConfig, type NcsnppConfig } from "./ncsnpp-config.ts";
import { Scope, type Context } from "./scope.ts";
import type { ImageShape, ScoreModel } from "./score-model.ts";

export type { NcsnppConfig };

type Step = (context: Context, state: State) => void;

/** The values that the layers pass along. */
interface State {
  h: Tensor4D;
  readonly skips: Tensor4D[];
  readonly embedding: Tensor2D | undefined;
  inputPyramid: Tensor4D;
  pyramid: Tensor4D | undefined;
}

/**
 * Builds the network. It declares the parameters; their values are passed at run time.
 *
 * @throws RangeError when the options do not fit together.
 * @see the reference's models/ncsnpp.py
 */
export function ncsnpp(config: NcsnppConfig): ScoreModel<ImageShape> {
  checkConfig(config);
  const { nf, chMult, numResBlocks, attnResolutions, initScale, skipRescale, nonlinearity, channels } = config;
  const { progressive, progressiveInput, conditional, inputFeatures = [] } = config;
  const fir = config.fir ? config.firKernel : undefined;
  const scope = Scope.root();
  const levels = chMult.length;

  const fourier = config.embeddingType === "fourier" ? fourierEmbedding(scope, nf, config.fourierScale) : undefined;
  const embed0 = conditional ? denseLayer(scope, fourier ? 2 * nf : nf, 4 * nf) : undefined;
  const embed1 = conditional ? denseLayer(scope, 4 * nf, 4 * nf) : undefined;
  const options: BlockOptions = {
    activation: nonlinearity,
    dropout: config.dropout,
    initScale,
    skipRescale,
    fir,
    embedding: conditional ? 4 * nf : 0,
  };

  const steps: Step[] = [];
  const skipWidths: number[] = [];
  let width = nf;
  let size = config.imageSize;
  let pyramidWidth = channels;

  const run =
    (layer: Layer): Step =>
    (context, state) =>
      void (state.h = layer(context, state.h));
  const runBlock =
    (block: Block): Step =>
    (context, state) => {
      state.h = block(context, state.h, state.embedding);
    };
  const block = (O: number, resample?: Resample): Block => {
    const built =
      config.resblockType === "biggan" || resample
        ? bigGanBlock(scope, width, O, options, resample)
        : ddpmBlock(scope, width, O, options);
    width = O;
    return built;
  };
  const attend = () => run(attention(scope, width, initScale, skipRescale));
  const remember: Step = (_context, state) => void state.skips.push(state.h);
  const rememberWidth = () => {
    skipWidths.push(width);
    steps.push(remember);
  };

  // Downsampling half.
  const first = conv(scope, channels * (1 + 2 * inputFeatures.length), nf);
  steps.push(run((context, x) => first(context, x)));
  rememberWidth();
  for (const [level, multiplier] of chMult.entries()) {
    for (let i = 0; i < numResBlocks; i++) {
      steps.push(runBlock(block(nf * multiplier)));
      if (attnResolutions.includes(size)) steps.push(attend());
      rememberWidth();
    }
    if (level === levels - 1) break;
    const resampling = { withConv: config.resampWithConv, fir };
    if (config.resblockType === "ddpm") steps.push(run(resampleLayer(scope, width, width, "down", resampling)));
    else steps.push(runBlock(block(width, "down")));
    size /= 2;
    if (progressiveInput === "input_skip") {
      const shrink = resampleLayer(scope, pyramidWidth, pyramidWidth, "down", { withConv: false, fir });
      const join = combine(scope, pyramidWidth, width, config.progressiveCombine);
      if (config.progressiveCombine === "cat") width *= 2;
      steps.push((context, state) => {
        state.inputPyramid = shrink(context, state.inputPyramid);
        state.h = join(context, state.inputPyramid, state.h);
      });
    } else if (progressiveInput === "residual") {
      const shrink = resampleLayer(scope, pyramidWidth, width, "down", { withConv: true, fir });
      pyramidWidth = width;
      steps.push((context, state) => {
        state.h = residual(shrink(context, state.inputPyramid), state.h, skipRescale);
        state.inputPyramid = state.h;
      });
    }
    rememberWidth();
  }

  // Bottleneck.
  steps.push(runBlock(block(width)));
  steps.push(attend());
  steps.push(runBlock(block(width)));

  // Upsampling half.
  let outputWidth = 0;
  for (let level = levels - 1; level >= 0; level--) {
    for (let i = 0; i <= numResBlocks; i++) {
      width += skipWidths.pop()!;
      steps.push((_context, state) => void (state.h = tf.concat([state.h, state.skips.pop()!], 3)));
      steps.push(runBlock(block(nf * chMult[level]!)));
    }
    if (attnResolutions.includes(size)) steps.push(attend());
    if (progressive !== "none") {
      steps.push(outputStep(level === levels - 1));
      outputWidth = progressive === "output_skip" ? channels : width;
    }
    if (level === 0) break;
    const resampling = { withConv: config.resampWithConv, fir };
    if (config.resblockType === "ddpm") steps.push(run(resampleLayer(scope, width, width, "up", resampling)));
    else steps.push(runBlock(block(width, "up")));
    size *= 2;
  }

  /** Adds this resolution to the output pyramid. */
  function outputStep(coarsest: boolean): Step {
    const skip = progressive === "output_skip";
    const grow = coarsest
      ? undefined
      : resampleLayer(scope, outputWidth, skip ? channels : width, "up", { withConv: !skip, fir });
    if (!skip && !coarsest) {
      return (context, state) => {
        state.h = residual(grow!(context, state.pyramid!), state.h, skipRescale);
        state.pyramid = state.h;
      };
    }
    const normalize = norm(scope, width, nonlinearity);
    const project = conv(scope, width, skip ? channels : width, { initScale: skip ? initScale : 1 });
    return (context, state) => {
      const own = project(context, normalize(context, state.h));
      state.pyramid = grow ? tf.add(grow(context, state.pyramid!), own) : own;
    };
  }

  if (progressive === "output_skip") {
    steps.push((_context, state) => void (state.h = state.pyramid!));
  } else {
    const normalize = norm(scope, width, nonlinearity);
    const project = conv(scope, width, channels, { initScale });
    steps.push(run((context, x) => project(context, normalize(context, x))));
  }

  const embed = (context: Context, condition: Tensor1D): Tensor2D | undefined => {
    if (!embed0 || !embed1) return undefined;
    const used = config.logCondition ? tf.log(condition) : condition;
    const features = fourier ? fourier(context, used) : timestepEmbedding(used, nf);
    const hidden = embed1(context, activate(embed0(context, features), nonlinearity));
    // Every block applies the activation to the embedding: once for all is the same.
    return activate(hidden, nonlinearity);
  };

  return {
    shape: [config.imageSize, config.imageSize, channels],
    parameters: scope.specs(),
    apply(context, x: Tensor4D, timeCondition) {
      const input = config.centered ? x : tf.sub<Tensor4D>(tf.mul(x, 2), 1);
      const state: State = {
        h: withFourierFeatures(input, inputFeatures),
        skips: [],
        embedding: embed(context, timeCondition),
        inputPyramid: input,
        pyramid: undefined,
      };
      for (const step of steps) step(context, state);
      if (!config.scaleBySigma) return state.h;
      return tf.div(state.h, timeCondition.reshape<Tensor>([-1, 1, 1, 1]));
    },
  };
}
