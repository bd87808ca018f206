/** Makes the report of an evaluation from its results. */
import { join } from "node:path";
import type { ImageDataset } from "../../data/dataset.ts";
import { evaluationOrder } from "../../data/evaluation-order.ts";
import type { Anchor, Likelihoods, ReportedQuality, Report } from "../../monitor/report/report.ts";
import { writeReport } from "../../monitor/report/write-report.ts";
import { readReport } from "../../monitor/report/write-report.ts";
import { countOf, measured, perImage, type Evaluated } from "../../metrics/evaluated.ts";
import type { EvaluationKey } from "../../streams/evaluate.ts";
import { stripPaths } from "./strip-paths.ts";
import { precisionText } from "../precision.ts";
import { settingsOf } from "./published.ts";
import { engineText } from "../../engine/load.ts";
import { codeVersion } from "../../base/code-version.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";

type Found = { readonly [key in EvaluationKey]?: readonly Evaluated[] };

export interface ReportedSamples {
  /** PNG grid. */
  readonly grid: string;
  /** Description of the sampler, if it is known. */
  readonly drawn?: string | undefined;
}

export interface EvaluationFound {
  /** Results of this run. They are empty after sampling; the last report's results of these parameters stay. */
  readonly found: Found;
  /** Values of a whole evaluation. */
  readonly total: number;
  /** The images of a split. */
  readonly data: (split: Report["split"]) => ImageDataset;
  readonly anchors: readonly Anchor[];
  readonly samples: ReportedSamples;
  readonly quality?: ReportedQuality | undefined;
}

/** Says in words which numbers these are. */
function kindsOf(dequantization: "uniform" | "variational" | "truncated", draws: number): NonNullable<Report["kinds"]> {
  const noise = dequantization === "truncated" ? "truncated-normal" : dequantization;
  const weighted = draws > 1 ? `, importance-weighted over ${draws} draws` : "";
  return {
    bpd: `probability flow ODE, ${noise} dequantization${weighted}`,
    bound:
      dequantization === "truncated"
        ? "variational bound on discrete data"
        : `variational bound, ${noise} dequantization`,
  };
}

/** Writes the report; an evaluation by the other dequantization, done before, is in it too. */
export async function evaluationReport(
  { config, name, file, mode, preset, engine, workdir, before: stored }: RunContext,
  session: Session,
  { found, total, data, anchors, samples, quality }: EvaluationFound,
): Promise<RunEvent> {
  const folder = join(workdir, "eval");
  const averagedParameters = session.averageDigest();
  const write = async (report: Report): Promise<RunEvent> => {
    const shown = { ...report, quality, samples: samples.drawn };
    const images = data(report.split);
    const order = evaluationOrder(images.length, report.perImage.length);
    const page = await writeReport(shown, { folder, data: images, order, samples: samples.grid });
    return { type: "result", values: { report: page } };
  };
  const last = mode === "sample" ? readReport(folder) : undefined;
  // Earlier reports called it by the name that the summary gives to the parameters as they are.
  const reported = last?.run["averagedParameters"] ?? last?.run["parameters"];
  if (last && reported === averagedParameters && last.run["images"] === session.data?.[last.split]) return write(last);

  const { split, dequantizer, dequantization, importanceSamples } = config.eval;
  const whole = (batches: readonly Evaluated[] = []) => (countOf(batches) === total ? measured(batches) : undefined);
  const likelihoods = (values: Found): Likelihoods => ({ bpd: whole(values.bpd), bound: whole(values.bound) });
  const [own, other] = dequantizer ? (["variational", "uniform"] as const) : ([dequantization, "variational"] as const);
  const before = likelihoods({ bpd: session.found("bpd", other), bound: session.found("bound", other) });
  const now = likelihoods(found);
  const images = data(split);
  return write({
    run: {
      data: images.about,
      ...(session.data && { images: session.data[split] }),
      ...{
        pipeline: name,
        preset: (mode === "train" ? preset : (stored?.preset ?? preset)) ?? "none",
        steps: session.state.step,
        seed: config.seed,
        dequantization: own,
        average: `decay ${config.eval.emaRate ?? config.model.emaRate}`,
        averagedParameters,
      },
      ...{ engine: engineText(engine), device: engine.device, runtime: process.version },
      trainingPrecision: precisionText((stored ?? config).engine?.precision, engine),
      evaluationPrecision: precisionText(config.eval.precision, engine),
      scorestream: codeVersion(file),
    },
    settings: settingsOf(config),
    split,
    ...now,
    kinds: kindsOf(own, importanceSamples),
    dequantizations: { [own]: now, ...((before.bpd ?? before.bound) && { [other]: before }) },
    loss: whole(found.loss),
    perImage: now.bpd ? perImage(found.bpd!) : [],
    anchors,
    config: stripPaths(config),
  });
}
