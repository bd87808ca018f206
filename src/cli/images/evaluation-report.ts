/** From what an evaluation found to its report. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ImageDataset } from "../../data/dataset.ts";
import { writeReport, type Anchor, type Likelihoods, type Quality } from "../../monitor/report.ts";
import { countOf, measured, perImage, type Evaluated } from "../../streams/evaluated.ts";
import type { EvaluationKey } from "../../streams/evaluate.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";

const { version: VERSION } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

type Found = { readonly [key in EvaluationKey]?: readonly Evaluated[] };

export interface ReportedSamples {
  /** PNG grid. */
  readonly grid: string;
  /** How they were drawn, if it is known. */
  readonly drawn?: string | undefined;
}

export interface EvaluationFound {
  /** What this run evaluated; the rest is what runs with the same settings have. */
  readonly found: Found;
  /** Values of a whole evaluation. */
  readonly total: number;
  /** The images that were evaluated. */
  readonly data: ImageDataset;
  readonly anchors: readonly Anchor[];
  readonly samples: ReportedSamples;
  readonly quality?: Quality | undefined;
}

/** Writes the report; an evaluation by the other dequantization, done before, is in it too. */
export async function evaluationReport(
  { config, name, mode, preset, engine, workdir }: RunContext,
  session: Session,
  { found, total, data, anchors, samples, quality }: EvaluationFound,
): Promise<RunEvent> {
  const { split, dequantizer } = config.eval;
  const whole = (batches: readonly Evaluated[] = []) => (countOf(batches) === total ? measured(batches) : undefined);
  const likelihoods = (values: Found): Likelihoods => ({ bpd: whole(values.bpd), bound: whole(values.bound) });
  const [own, other] = dequantizer ? (["variational", "uniform"] as const) : (["uniform", "variational"] as const);
  const before = (kind: typeof own) => ({ bpd: session.found("bpd", kind), bound: session.found("bound", kind) });
  const values: Found = { loss: mode === "sample" ? session.found("loss", "uniform") : [], ...before(own), ...found };
  const [now, others] = [likelihoods(values), likelihoods(before(other))];
  const report = {
    run: {
      data: "about" in data ? data.about : data.name,
      ...{ pipeline: name, preset, steps: session.state.step, seed: config.seed, dequantization: own },
      parameters: `${session.averageDigest()} (SHA-256 of the averaged ones)`,
      ...{ engine: `${engine.name} ${engine.version}`, device: engine.device, runtime: process.version },
      scorestream: VERSION,
    },
    split,
    ...now,
    dequantizations: { [own]: now, ...((others.bpd ?? others.bound) && { [other]: others }) },
    loss: whole(values.loss),
    quality,
    samples: samples.drawn,
    perImage: now.bpd ? perImage(values.bpd!) : [],
    anchors,
    config,
  };
  const page = await writeReport(report, { folder: join(workdir, "eval"), data, samples: samples.grid });
  return { type: "result", values: { report: page } };
}
