/** Dequantizers and their losses as the golden cases describe them. */
import { isNative } from "../../src/engine/kernels.ts";
import { flowppDequantizer, type Dequantizer } from "../../src/models/flowpp/dequantizer.ts";
import type { FlowSizes, FormName } from "../../src/models/flowpp/form.ts";
import { dequantizationObjective } from "../../src/models/flowpp/loss.ts";
import { tensorOf } from "./components.ts";
import { GoldenCase } from "./golden.ts";
import { flatParameters, referredNetwork, sdeOf } from "./reference-config.ts";
import { timeOf } from "./times.ts";

type Shape = readonly [number, number, number];

/** The reference's form that has parameters of such names. */
export function formOf(names: readonly string[]): FormName {
  if (names.some((name) => name.startsWith("ShallowProcessor"))) return "cifar10";
  return names.some((name) => name.endsWith("_V")) ? "imagenet32" : "imagenet64";
}

export interface GoldenFlow {
  readonly form: FormName;
  readonly shape: Shape;
  readonly sizes: FlowSizes;
  readonly dequantizer: Dequantizer;
}

export function flowOf(golden: GoldenCase): GoldenFlow {
  const { filters, components, blocks, attn_heads: heads } = golden.config;
  const shape = golden.shape("eps").slice(1) as unknown as Shape;
  const form = formOf(golden.names("params/"));
  const sizes = { filters, components, blocks, heads };
  return { form, shape, sizes, dequantizer: flowppDequantizer(form, shape, sizes) };
}

export const parametersOf = (golden: GoldenCase) =>
  Object.fromEntries(golden.names("params/").map((name) => [name, tensorOf(golden, `params/${name}`)]));

/** The loss that a case describes, with what it is computed from. */
export function lossOf(golden: GoldenCase, importance: boolean, offset: boolean) {
  const { sde: config, eps, model_case: modelCase, deq_case: flowCase } = golden.config;
  const flow = new GoldenCase(golden.family, flowCase);
  const { network, parameters } = referredNetwork(golden);
  const sde = sdeOf(config.name, config, { reference: true });
  const { centered } = new GoldenCase("model", modelCase).config.data;
  const { dequantizer } = flowOf(flow);
  const setup = { eps, importance, offset, reference: true, centered, compile: isNative() };
  const loss = dequantizationObjective(dequantizer, network.model, sde, setup);
  const draws = {
    image: flow.f32("x"),
    noise: flow.f32("eps"),
    priorNoise: golden.f32("prior_noise"),
    timeNoise: golden.f32("z"),
    offsetNoise: golden.f32("offset_noise"),
    t: golden.numbers("u_t").map(timeOf(sde, eps, importance)),
    tDrift: golden.numbers("u_t_div").map(timeOf(sde, eps, false)),
  };
  const flat = flatParameters(flow, loss.layout, "params/");
  return { loss, draws, flat, parameters, centered, dims: flow.f32("x").length / draws.t.length };
}
