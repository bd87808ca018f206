/** The record of a workdir's samples, kept for the report: how they were drawn, and their quality. */
import { join } from "node:path";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { readJson } from "../../base/read-json.ts";
import { sealJson, unsealJson } from "../../base/sealed-json.ts";
import type { ReportedQuality } from "../../monitor/report/report.ts";
import type { Config } from "../config.ts";
import type { RunContext } from "../pipeline.ts";
import type { Session } from "../session.ts";

export interface SamplesRecord {
  /** Description of the sampler. */
  readonly drawn?: string | undefined;
  readonly quality?: ReportedQuality | undefined;
}

const pathOf = (workdir: string) => join(workdir, "samples", "about.json");

/** The sampler in words. */
export function samplerText({ sampling, model }: Config): string {
  const { numSamples, method, smallestTime, rtol, atol, timeVariable, noiseRemoval } = sampling;
  const denoised = noiseRemoval ? ", with noise removal" : ", without noise removal";
  if (method === "ode") {
    const steps = timeVariable === "t" ? "" : ", steps in the square root of t";
    return `${numSamples} by the probability flow ODE, rtol ${rtol}, atol ${atol}${steps}, to t = ${smallestTime}${denoised}.`;
  }
  const { predictor, corrector, snr, nStepsEach, probabilityFlow } = sampling;
  const corrections = corrector === "none" ? "" : ` (snr ${snr}, ${nStepsEach} a step)`;
  const flow = probabilityFlow ? ", probability flow" : "";
  const names = `predictor ${predictor}${flow}, corrector ${corrector}${corrections}`;
  return `${numSamples} by predictor-corrector sampling: ${names}, ${model.numScales} steps to t = ${smallestTime}${denoised}.`;
}

/** Reads the record of these parameters; empty when it is of others, or damaged. */
export function readSamplesRecord({ workdir }: RunContext, session: Session): SamplesRecord {
  const { value, whole } = unsealJson(readJson(pathOf(workdir)) ?? {});
  if (whole === false) return {};
  const { parameters, data, ...record } = value as SamplesRecord & { parameters?: string; data?: string };
  if (parameters !== session.averageDigest()) return {};
  // Their quality is their distance to the data, so it is valid for the same data only.
  return data === session.data?.train ? record : { drawn: record.drawn };
}

/** Keeps `record`, with what was known before of these parameters' samples; the folder is there. */
export async function keepSamplesRecord(context: RunContext, session: Session, record: SamplesRecord): Promise<void> {
  const known = { ...readSamplesRecord(context, session), ...record };
  const about = { parameters: session.averageDigest(), data: session.data?.train };
  await writeFileAtomic(pathOf(context.workdir), [new TextEncoder().encode(sealJson({ ...about, ...known }))]);
}
