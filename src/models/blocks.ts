/** Residual blocks and resampling of NCSN++, the reference's layerspp.py. */
import type { Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";
import {
  downsample,
  firDownsample,
  firDownsampleConv,
  firUpsample,
  firUpsampleConv,
  upsample,
} from "../ops/resample.ts";
import { conv, denseLayer, dropout, ninLayer, norm, residual, type Activation, type Layer } from "./layers.ts";
import type { Context, Scope } from "./scope.ts";

export interface BlockOptions {
  readonly activation: Activation;
  readonly dropout: number;
  readonly initScale: number;
  readonly skipRescale: boolean;
  /** FIR resampling with this kernel; left out, naive. */
  readonly fir?: readonly number[] | undefined;
  /** Width of the time embedding, 4 nf; 0 where the model is not conditional on time. */
  readonly embedding: number;
}

/** A block also sees the time embedding [B, 4 nf], already activated. */
export type Block = (context: Context, x: Tensor4D, embedding?: Tensor2D) => Tensor4D;

export type Resample = "up" | "down" | undefined;

function resampler(resample: Resample, fir: readonly number[] | undefined): (x: Tensor4D) => Tensor4D {
  if (resample === "up") return fir ? (x) => firUpsample(x, fir) : upsample;
  if (resample === "down") return fir ? (x) => firDownsample(x, fir) : downsample;
  return (x) => x;
}

function timeShift(scope: Scope, O: number, options: BlockOptions) {
  const layer = options.embedding ? denseLayer(scope, options.embedding, O) : undefined;
  return (context: Context, embedding?: Tensor2D) => (layer && embedding ? layer(context, embedding) : undefined);
}

/** `ResnetBlockBigGANpp`: resamples h after norm and activation, x raw; 1x1 shortcut where shapes change. */
export function bigGanBlock(parent: Scope, C: number, O: number, options: BlockOptions, resample?: Resample): Block {
  const scope = parent.child("ResnetBlockBigGANpp");
  const { activation, skipRescale, initScale } = options;
  const upsampled = resample === "up" && !options.fir;
  const resize = upsampled ? (x: Tensor4D) => x : resampler(resample, options.fir);
  const norm0 = norm(scope, C, activation);
  const conv0 = conv(scope, C, O, { upsampled });
  const shift = timeShift(scope, O, options);
  const norm1 = norm(scope, O, activation);
  const drop = dropout(scope, options.dropout);
  const conv1 = conv(scope, O, O, { initScale });
  const shortcut = C !== O || resample ? conv(scope, C, O, { size: 1, upsampled }) : undefined;
  return (context, x, embedding) => {
    let h = resize(norm0(context, x));
    h = conv0(context, h, shift(context, embedding));
    h = conv1(context, drop(context, norm1(context, h)));
    const skip = resize(x);
    return residual(shortcut ? shortcut(context, skip) : skip, h, skipRescale);
  };
}

/** `ResnetBlockDDPMpp`. */
export function ddpmBlock(parent: Scope, C: number, O: number, options: BlockOptions): Block {
  const scope = parent.child("ResnetBlockDDPMpp");
  const { activation, skipRescale, initScale } = options;
  const norm0 = norm(scope, C, activation);
  const conv0 = conv(scope, C, O);
  const shift = timeShift(scope, O, options);
  const norm1 = norm(scope, O, activation);
  const drop = dropout(scope, options.dropout);
  const conv1 = conv(scope, O, O, { initScale });
  const shortcut = C !== O ? ninLayer(scope, C, O) : undefined;
  return (context, x, embedding) => {
    let h = conv0(context, norm0(context, x), shift(context, embedding));
    h = conv1(context, drop(context, norm1(context, h)));
    return residual(shortcut ? shortcut(context, x) : x, h, skipRescale);
  };
}

/** `Upsample` and `Downsample`: naive or FIR, with or without a convolution, C -> O channels. */
export function resampleLayer(
  parent: Scope,
  C: number,
  O: number,
  direction: "up" | "down",
  { withConv, fir }: { readonly withConv: boolean; readonly fir?: readonly number[] | undefined },
): Layer {
  const scope = parent.child(direction === "up" ? "Upsample" : "Downsample");
  if (!withConv) {
    const resize = resampler(direction, fir);
    return (_context, x) => resize(x);
  }
  if (fir) {
    const own = scope.child("Conv2d");
    const weight = own.parameter<Tensor4D>("weight", [3, 3, C, O], { kind: "fanAverage", scale: 1 });
    const bias = own.parameter<Tensor1D>("bias", [O], { kind: "zeros" });
    const convolve = direction === "up" ? firUpsampleConv : firDownsampleConv;
    return (context, x) => tf.add<Tensor4D>(convolve(x, weight(context), fir), bias(context));
  }
  const layer = conv(scope, C, O, direction === "down" ? { stride: 2 } : { upsampled: true });
  return (context, x) => layer(context, x);
}

/** The reference's `Combine`: a 1x1 convolution of the pyramid [.., C] joins h [.., O] by "sum" or "cat". */
export function combine(parent: Scope, C: number, O: number, method: "sum" | "cat") {
  const layer = conv(parent.child("Combine"), C, O, { size: 1 });
  return (context: Context, pyramid: Tensor4D, h: Tensor4D): Tensor4D => {
    const projected = layer(context, pyramid);
    return method === "cat" ? tf.concat([projected, h], 3) : tf.add<Tensor4D>(projected, h);
  };
}
