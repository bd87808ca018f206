/** The options of NCSN++. */
import type { Activation } from "./layers.ts";

/** The reference's `config.model`, with the image's shape. */
export interface NcsnppConfig {
  /** Height and width of the images. */
  readonly imageSize: number;
  readonly channels: number;
  /** True when the data lie in [-1, 1]; otherwise they lie in [0, 1], and the network rescales them. */
  readonly centered: boolean;
  readonly nf: number;
  readonly chMult: readonly number[];
  readonly numResBlocks: number;
  /** Image heights at which attention follows the residual blocks. */
  readonly attnResolutions: readonly number[];
  readonly dropout: number;
  readonly resampWithConv: boolean;
  readonly conditional: boolean;
  readonly fir: boolean;
  readonly firKernel: readonly number[];
  readonly skipRescale: boolean;
  readonly resblockType: "biggan" | "ddpm";
  readonly progressive: "none" | "output_skip" | "residual";
  readonly progressiveInput: "none" | "input_skip" | "residual";
  readonly progressiveCombine: "sum" | "cat";
  readonly embeddingType: "positional" | "fourier";
  readonly fourierScale: number;
  readonly initScale: number;
  readonly nonlinearity: Activation;
  /** Divides the output by sigma; VE with Fourier embedding only. */
  readonly scaleBySigma: boolean;
  /** Exponents n of Fourier features sin(2^n 2 pi x) and cos of the input, x in [-1, 1]; default: none. */
  readonly inputFeatures?: readonly number[];
  /** Fourier features of log(condition), as the reference does for VE. */
  readonly logCondition: boolean;
}

/** @throws RangeError when the options do not fit together, with the reference's reason. */
export function checkConfig(config: NcsnppConfig): void {
  const { imageSize, chMult, embeddingType, logCondition, scaleBySigma, nf } = config;
  const factor = 2 ** (chMult.length - 1);
  if (imageSize % factor)
    throw new RangeError(`model.chMult: ${chMult.length} levels need images divisible by ${factor}`);
  if (nf < 4 || nf % 4) throw new RangeError(`model.nf: GroupNorm needs a multiple of 4, got ${nf}`);
  if (embeddingType === "positional" && logCondition) {
    throw new RangeError("model.embeddingType: the VE SDE needs the fourier embedding");
  }
  if (scaleBySigma && embeddingType !== "fourier") {
    throw new RangeError("model.scaleBySigma: works with the fourier embedding only");
  }
}
