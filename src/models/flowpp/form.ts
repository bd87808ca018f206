/** The three forms of the Flow++ dequantizer, one for each data set of the reference. */
import { columnFirstConv, weightNormConv, type Affine } from "./affine.ts";

export type FormName = "cifar10" | "imagenet32" | "imagenet64";

/** Sizes that the forms give defaults for. */
export interface FlowSizes {
  /** Channels of the networks in the couplings. */
  readonly filters: number;
  /** Logistic distributions in each mixture. */
  readonly components: number;
  /** Residual blocks of each coupling. */
  readonly blocks: number;
  /** Attention heads of each coupling. */
  readonly heads: number;
}

export interface FlowForm {
  readonly sizes: FlowSizes;
  readonly conv: Affine;
  /** True when the couplings have attention. */
  readonly attention: boolean;
  /** True when a matrix over the channels follows each norm. */
  readonly pointwise: boolean;
  /** True when an activation precedes the last convolution of a coupling. */
  readonly activateOutput: boolean;
  /** Couplings between a split into columns and the next merge, and the number of such rounds. */
  readonly couplings: number;
  readonly rounds: number;
  /** Channels of the features of the image. */
  readonly features: number;
  /** Names of the reference's modules and parameters. */
  readonly names: {
    readonly coupling: string;
    readonly couplingIn: string;
    readonly couplingOut: string;
  };
  /** The network that computes the features of the image. */
  readonly processor: {
    readonly name: string;
    readonly blocks: number;
    /** Layer normalization after each convolution. */
    readonly norm: boolean;
    /** Attention and a second layer normalization after that. */
    readonly attention: boolean;
  };
}

const IMAGENET_NAMES = { couplingIn: "c1", couplingOut: "c2" };

/** @see the reference's models/flowpp/dequantization_{cifar10,imagenet32,imagenet64}.py */
export const FORMS: Readonly<Record<FormName, FlowForm>> = {
  cifar10: {
    sizes: { filters: 96, components: 32, blocks: 2, heads: 4 },
    conv: columnFirstConv,
    attention: true,
    pointwise: true,
    activateOutput: false,
    couplings: 4,
    rounds: 1,
    features: 32,
    names: { coupling: "MixLogisticAttnCoupling", couplingIn: "proj_in", couplingOut: "proj_out" },
    processor: { name: "ShallowProcessor", blocks: 3, norm: false, attention: false },
  },
  imagenet32: {
    sizes: { filters: 128, components: 32, blocks: 8, heads: 4 },
    conv: weightNormConv,
    attention: true,
    pointwise: false,
    activateOutput: true,
    couplings: 4,
    rounds: 2,
    features: 32,
    names: { coupling: "MixLogisticAttnCoupling", ...IMAGENET_NAMES },
    processor: { name: "DeepProcessor", blocks: 8, norm: true, attention: true },
  },
  // The reference's own cannot be built: all its blocks claim the name "c2". Names follow the ImageNet 32 form, and the
  // two position embeddings that nothing reads are left out.
  imagenet64: {
    sizes: { filters: 96, components: 4, blocks: 5, heads: 4 },
    conv: columnFirstConv,
    attention: false,
    pointwise: false,
    activateOutput: true,
    couplings: 4,
    rounds: 1,
    features: 32,
    names: { coupling: "MixLogisticCoupling", ...IMAGENET_NAMES },
    processor: { name: "DeepProcessor", blocks: 5, norm: true, attention: false },
  },
};
