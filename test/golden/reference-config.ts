/** From the reference's configurations and parameter names to this project's. */
import type { NcsnppConfig } from "../../src/models/ncsnpp.ts";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { layoutOf, type ParameterLayout } from "../../src/models/parameters.ts";
import { scoreNetwork, type ScoreNetwork } from "../../src/models/score-network.ts";
import { isNative } from "../../src/engine/kernels.ts";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { GoldenCase, manifest, type Config } from "./golden.ts";

/** @param name "vp", "subvp", "ve", "linearve", with or without the reference's ending "sde". */
export function sdeOf(name: string, config: Config, { reference }: { readonly reference: boolean }): SDE {
  const beta = { betaMin: config.beta_min, betaMax: config.beta_max, N: config.N ?? config.num_scales, reference };
  const sigma = { sigmaMin: config.sigma_min, sigmaMax: config.sigma_max, N: config.N ?? config.num_scales };
  switch (name.toLowerCase().replace(/sde$/, "")) {
    case "vp":
      return vpSDE(beta);
    case "subvp":
      return subVpSDE(beta);
    case "ve":
      return veSDE(sigma);
    case "linearve":
      return linearVeSDE(sigma);
    default:
      throw new Error(`unknown SDE "${name}"`);
  }
}

/** The score network of a configuration of the reference. */
export function networkConfig({ data, model, training }: Config): NcsnppConfig {
  if (!["ncsnpp"].includes(model.name) || model.normalization !== "GroupNorm" || model.conv_size !== 3) {
    throw new Error(`unknown model ${JSON.stringify(model)}`);
  }
  return {
    imageSize: data.image_size,
    channels: data.num_channels,
    centered: data.centered,
    nf: model.nf,
    chMult: model.ch_mult,
    numResBlocks: model.num_res_blocks,
    attnResolutions: model.attn_resolutions,
    dropout: model.dropout,
    resampWithConv: model.resamp_with_conv,
    conditional: model.conditional,
    fir: model.fir,
    firKernel: model.fir_kernel,
    skipRescale: model.skip_rescale,
    resblockType: model.resblock_type,
    progressive: model.progressive,
    progressiveInput: model.progressive_input,
    progressiveCombine: model.progressive_combine,
    embeddingType: model.embedding_type,
    fourierScale: model.fourier_scale,
    initScale: model.init_scale,
    nonlinearity: model.nonlinearity,
    scaleBySigma: model.scale_by_sigma,
    logCondition: model.embedding_type === "fourier" && training.sde === "vesde",
  };
}

/** The parameters `prefix` + name of a case as one flat vector. @throws when names or shapes are not the layout's. */
export function flatParameters(golden: GoldenCase, layout: ParameterLayout, prefix: string): Float32Array {
  const flat = new Float32Array(layout.length);
  const missing = layout.slots.map((slot) => slot.name).filter((name) => !golden.has(prefix + name));
  const extra = golden.names(prefix).filter((name) => !layout.slots.some((slot) => slot.name === name));
  if (missing.length || extra.length) throw new Error(`${golden.name}: missing ${missing}, unknown ${extra}`);
  for (const { name, shape, offset } of layout.slots) {
    const tensor = golden.tensor(prefix + name);
    if (tensor.shape.join() !== shape.join()) throw new Error(`${name}: [${tensor.shape}], expected [${shape}]`);
    flat.set(tensor.data as Float32Array, offset);
  }
  return flat;
}

export interface GoldenNetwork {
  readonly network: ScoreNetwork;
  readonly layout: ParameterLayout;
  readonly parameters: Float32Array;
}

/** The network whose parameters a case's description refers to, as `file "case/params/*"`. */
export function referredNetwork(golden: GoldenCase, { reduceMean = true } = {}): GoldenNetwork {
  const match = /(\S+\.safetensors) "(\S+)\/(params\/)\*"/.exec(golden.entry.description);
  if (!match) throw new Error(`${golden.name}: its description names no parameters: ${golden.entry.description}`);
  const [, file, name, prefix] = match as unknown as [string, string, string, string];
  const family = Object.entries(manifest().families).find(([, { file: own }]) => own === file)![0];
  const source = new GoldenCase(family, name);
  const network = scoreNetwork(ncsnpp(networkConfig(source.config)), { reduceMean, compile: isNative() });
  const layout = layoutOf(network.model.parameters);
  return { network, layout, parameters: flatParameters(source, layout, prefix) };
}
