/** Bits/dim and loss of held-out images, or of those of the training, and the report on them. */
import { concat, defer, EMPTY, of, type Observable, type OperatorFunction } from "rxjs";
import type { Batch } from "../../data/batch.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { UsageError } from "../../base/errors.ts";
import type { Anchor, ReportedQuality, Report } from "../../monitor/report/report.ts";
import { bitsPerDim } from "../../streams/bits-per-dim.ts";
import { withCredit } from "../../streams/credit.ts";
import { dataLoss } from "../../streams/data-loss.ts";
import { dequantize } from "../../streams/dequantize.ts";
import { evaluate, type EvaluationKey, type EvaluationKind } from "../../streams/evaluate.ts";
import type { Evaluated } from "../../metrics/evaluated.ts";
import { evalBatches, evaluationExamples, images } from "../../streams/batches.ts";
import { likelihoodBound } from "../../streams/likelihood-bound.ts";
import { logLikelihood } from "../../streams/log-likelihood.ts";
import type { DequantizerSession } from "../dequantizer-session.ts";
import { evaluationSeed, weightingOf } from "../from-config.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";
import { evaluationReport, type ReportedSamples } from "./evaluation-report.ts";

type Dequantized = Batch<"data" | "logQ">;
type Measure = OperatorFunction<Dequantized, Batch<"data" | "logQ" | "logp">>;

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

/**
 * @param train Images of the training, for `eval.split=train`.
 * @throws UsageError when they are asked for and not there.
 */
export function imageEvaluation(
  context: RunContext,
  session: Session,
  test: ImageDataset,
  anchors: readonly Anchor[],
  train?: ImageDataset,
): ImageEvaluation {
  const { config, stop } = context;
  const { sde, network, state, score, progress } = session;
  const { eval: evaluation, training } = config;
  const { centered, uniformDequantization } = config.data;
  const { boundTimes: times, boundOffset: offset, boundForm: form, numImages, repeats } = evaluation;
  const seed = evaluationSeed(config);
  const data = chosen(evaluation.split, test, train);
  const examples = evaluationExamples(images(data), numImages);
  const total = examples.length * repeats;
  const options = { ...evaluation, eps: training.smallestTime, seed, signal: stop };
  const found: { [key in EvaluationKey]?: readonly Evaluated[] } = {};

  /** What the result is told apart by; the loss is of images as the training has them. */
  const kindOf = (key: EvaluationKey, dequantizer?: DequantizerSession): EvaluationKind => {
    const { split } = evaluation;
    if (key === "loss") return { split };
    return { split, form, dequantization: dequantizer ? "variational" : "uniform" };
  };

  /** Batches from where the evaluation of `key` was interrupted, through `operator` to its result. */
  const evaluated = <K extends EvaluationKey>(
    name: string,
    key: K,
    operator: OperatorFunction<Batch<"image">, Batch<K extends "loss" ? "loss" : "bpd">>,
    dequantizer?: DequantizerSession,
  ) =>
    withCredit(2, (credit) => {
      const done = progress(key, total, dequantizer?.averageDigest());
      found[key] = done.entries;
      return evalBatches(examples, "image", { ...evaluation, from: done.entries.length, stop, credit }).pipe(
        operator,
        credit.refund(),
        evaluate({ name, key, total, step: state.step, progress: done, ...kindOf(key, dequantizer) }),
      );
    });

  /** Dequantized, through `measure` to bits/dim. */
  const bits =
    (measure: Measure, dequantizer?: DequantizerSession): OperatorFunction<Batch<"image">, Batch<"bpd">> =>
    (source) =>
      source.pipe(
        dequantize(dequantizer ? "variational" : "uniform", { seed, centered, draw: dequantizer?.draw }),
        measure,
        bitsPerDim({ levels: 256, centered }),
      );
  const likelihood = logLikelihood<"logQ">(score, sde, options);
  const upper = likelihoodBound<"logQ">(score, sde, { ...options, times, offset, form });
  const bound = (dequantizer?: DequantizerSession) =>
    evaluated("bound", "bound", bits(upper, dequantizer), dequantizer);

  /** Of images as the training has them, but not mirrored. */
  const loss = () => {
    if (!evaluation.loss) return EMPTY;
    if (!training.continuous) {
      return of<RunEvent>({ type: "message", text: "no loss: there is none for discrete steps" });
    }
    const kind = uniformDequantization ? "uniform" : "none";
    const losses = dataLoss(network, sde, state, { weighting: weightingOf(config), eps: training.smallestTime, seed });
    return evaluated("loss", "loss", (source) => source.pipe(dequantize(kind, { seed, centered }), losses));
  };

  return {
    bound,
    test: (dequantizer) =>
      concat(
        defer(loss),
        evaluated("likelihood (ODE)", "bpd", bits(likelihood, dequantizer), dequantizer),
        bound(dequantizer),
      ),
    report: (samples, quality) =>
      defer(() => {
        const of = (split: Report["split"]) => chosen(split, test, train);
        return evaluationReport(context, session, { found, total, data: of, anchors, samples, quality });
      }),
  };
}
