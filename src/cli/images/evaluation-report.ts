/** From what an evaluation found to its report. */
import { join } from "node:path";
import type { ImageDataset } from "../../data/dataset.ts";
import { writeReport, type Anchor, type Likelihoods, type Quality } from "../../monitor/report.ts";
import { countOf, measured, perImage, type Evaluated } from "../../streams/evaluated.ts";
import type { EvaluationKey } from "../../streams/evaluate.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";

type Found = { readonly [key in EvaluationKey]?: readonly Evaluated[] };

export interface EvaluationFound {
  /** What this run evaluated. */
  readonly found: Found;
  /** Values of a whole evaluation. */
  readonly total: number;
  /** The images that were evaluated. */
  readonly data: ImageDataset;
  readonly anchors: readonly Anchor[];
  /** PNG grid of samples. */
  readonly samples: string;
  readonly quality?: Quality | undefined;
}

/** Writes the report; an evaluation by the other dequantization, done before, is in it too. */
export async function evaluationReport(
  { config, name, preset, engine, workdir }: RunContext,
  session: Session,
  { found, total, data, anchors, samples, quality }: EvaluationFound,
): Promise<RunEvent> {
  const { split, dequantizer } = config.eval;
  const whole = (batches: readonly Evaluated[] = []) => (countOf(batches) === total ? measured(batches) : undefined);
  const likelihoods = (values: Found): Likelihoods => ({ bpd: whole(values.bpd), bound: whole(values.bound) });
  const [own, other] = dequantizer ? (["variational", "uniform"] as const) : (["uniform", "variational"] as const);
  const before = likelihoods({ bpd: session.found("bpd", other), bound: session.found("bound", other) });
  const now = likelihoods(found);
  const report = {
    run: {
      data: "about" in data ? data.about : data.name,
      ...{ pipeline: name, preset, steps: session.state.step, seed: config.seed, dequantization: own },
      ...{ engine: `${engine.name} ${engine.version}`, device: engine.device, runtime: process.version },
    },
    split,
    ...now,
    dequantizations: { [own]: now, ...((before.bpd ?? before.bound) && { [other]: before }) },
    loss: whole(found.loss),
    quality,
    perImage: perImage(found.bpd ?? []),
    anchors,
    config,
  };
  const page = await writeReport(report, { folder: join(workdir, "eval"), data, samples });
  return { type: "result", values: { report: page } };
}
