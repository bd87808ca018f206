/** Bits/dim and loss of held-out images, or of those of the training, and the report on them. */
import { concat, defer, EMPTY, of, type Observable, type OperatorFunction } from "rxjs";
import type { Batch } from "../../data/batch.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { UsageError } from "../../base/errors.ts";
import type { Anchor, ReportedQuality, Report } from "../../monitor/report/report.ts";
import { Meter } from "../../metrics/meter.ts";
import { withCredit } from "../../streams/credit.ts";
import { stagesOf, type Stage } from "../../streams/stage.ts";
import { tellStages } from "../../streams/tell-stages.ts";
import { evaluate, type EvaluationKey } from "../../streams/evaluate.ts";
import type { Evaluated } from "../../metrics/evaluated.ts";
import { evaluationExamples } from "../../data/examples.ts";
import { evalBatches } from "../../streams/batches.ts";
import type { DequantizerSession } from "../dequantizer-session.ts";
import { evaluationKind } from "../evaluation-work.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";
import { evaluationReport, type ReportedSamples } from "./evaluation-report.ts";
import type { Measures } from "./method.ts";

export interface ImageEvaluation {
  /** The loss, the likelihood by the ODE, then the bound; by the variational dequantizer where one is given. */
  test(dequantizer?: DequantizerSession): Observable<RunEvent>;
  /** The bound only. */
  bound(dequantizer?: DequantizerSession): Observable<RunEvent>;
  /** Writes the page on what was found, now or before. */
  report(samples: ReportedSamples, quality?: ReportedQuality): Observable<RunEvent>;
}

/** The images of `eval.split`. */
function chosen(split: "test" | "train", test: ImageDataset, train: ImageDataset | undefined): ImageDataset {
  if (split === "test") return test;
  if (train) return train;
  throw new UsageError("eval.split: this pipeline evaluates held-out images only", "--set eval.split=test");
}

/** The images that an evaluation may be of. */
export interface EvaluatedImages {
  readonly test: ImageDataset;
  /** Images of the training, for `eval.split=train`. */
  readonly train?: ImageDataset | undefined;
  /** Published numbers of the same data; default: none. */
  readonly anchors?: readonly Anchor[];
}

/**
 * Evaluates images by the pipeline's measures; interrupted, it goes on where it was.
 *
 * @throws UsageError when images of the training are asked for and not there.
 */
export function imageEvaluation(
  context: RunContext,
  session: Session,
  measures: Measures,
  { test, train, anchors = [] }: EvaluatedImages,
): ImageEvaluation {
  const { config, signal } = context;
  const { state, progress } = session;
  const { eval: evaluation } = config;
  const { numImages, repeats } = evaluation;
  const data = chosen(evaluation.split, test, train);
  const examples = evaluationExamples(data, numImages);
  const total = examples.length * repeats;
  const found: { [key in EvaluationKey]?: readonly Evaluated[] } = {};

  /** Batches from where the evaluation of `key` was interrupted, through `operator` to its result. */
  const evaluated = <K extends EvaluationKey>(
    name: string,
    key: K,
    operator: (stage: Stage) => OperatorFunction<Batch<"image">, Batch<K extends "loss" ? "loss" : "bpd">>,
    dequantizer?: DequantizerSession,
  ) =>
    withCredit(2, (credit) => {
      const meter = new Meter();
      const done = progress(key, total, dequantizer?.averageDigest());
      found[key] = done.entries;
      const kind = evaluationKind(config, key, dequantizer !== undefined);
      return evalBatches(examples, "image", { ...evaluation, from: done.entries.length, signal, credit }).pipe(
        operator(stagesOf(meter)),
        credit.refund(),
        evaluate({ name, key, total, step: state.step, progress: done, ...kind }),
        tellStages(meter, { name: `eval_stage/${key}`, step: state.step }),
      );
    });

  const measuresWith = (dequantizer?: DequantizerSession, stage?: Stage) =>
    measures({ ...context, stage }, session, dequantizer?.draw);
  const bound = (dequantizer?: DequantizerSession) =>
    evaluated("bound", "bound", (stage) => measuresWith(dequantizer, stage).bound, dequantizer);

  const loss = () => {
    if (!evaluation.loss) return EMPTY;
    const measured = measuresWith().loss;
    if (measured) return evaluated("loss", "loss", (stage) => measuresWith(undefined, stage).loss!);
    return of<RunEvent>({ type: "message", text: "no loss: this pipeline has none for these settings" });
  };

  return {
    bound,
    test: (dequantizer) =>
      concat(
        defer(loss),
        evaluated("likelihood (ODE)", "bpd", (stage) => measuresWith(dequantizer, stage).likelihood, dequantizer),
        bound(dequantizer),
      ),
    report: (samples, quality) =>
      defer(() => {
        const of = (split: Report["split"]) => chosen(split, test, train);
        return evaluationReport(context, session, { found, total, data: of, anchors, samples, quality });
      }),
  };
}
