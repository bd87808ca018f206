import { concat, concatMap, defer, from, of, type OperatorFunction } from "rxjs";
import { floats, type Batch } from "../data/batch.ts";
import type { ProgressFile } from "../data/formats/progress-file.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import { countOf, measured, type Evaluated } from "../metrics/evaluated.ts";

/**
 * Quantity to evaluate: bits/dim by the ODE, their bound, or the training loss. {@link evaluationName} names the
 * metric.
 */
export type EvaluationKey = "bpd" | "bound" | "loss";

type ColumnOf<K extends EvaluationKey> = K extends "loss" ? "loss" : "bpd";

/** Choices that distinguish results with the same key: the images and the method. */
export interface EvaluationKind {
  readonly split?: "test" | "train" | undefined;
  readonly dequantization?: "uniform" | "variational" | "truncated" | undefined;
  /** Number of noise draws whose probabilities are averaged. */
  readonly importanceSamples?: number | undefined;
  /** Score matching form of the bound. */
  readonly form?: "dsm" | "ssm" | undefined;
  /** Decay of the average, if it is not the main one. */
  readonly emaRate?: number | undefined;
}

/**
 * Returns the name of the metric, for example "bound_train_ssm_variational_ema_0.999". The usual kind, held-out images
 * with uniform noise, has only the key, such as "bpd".
 */
export function evaluationName(
  key: EvaluationKey,
  { split, form, dequantization, emaRate, importanceSamples = 1 }: EvaluationKind,
): string {
  const parts = [
    key,
    split === "train" && "train",
    key === "bound" && form === "ssm" && "ssm",
    dequantization === "variational" && "variational",
    // With truncated noise, the bound is on discrete data.
    dequantization === "truncated" && (key === "bound" ? "discrete" : "truncated"),
    key === "bpd" && importanceSamples > 1 && `iw${importanceSamples}`,
    emaRate !== undefined && `ema_${emaRate}`,
  ];
  return parts.filter(Boolean).join("_");
}

/** Names in the summary, in which "loss" means the training loss. */
const SUMMARY = { bpd: "bpd", bound: "bound", loss: "evalLoss" } as const;

const PHASES = { bpd: "evaluating_likelihood", bound: "evaluating_bound", loss: "evaluating_loss" } as const;

/** Options of {@link evaluate}. */
export interface EvaluateOptions<K extends EvaluationKey> extends EvaluationKind {
  /** Stage name shown to the user, such as "likelihood (ODE)". */
  readonly name: string;
  readonly key: K;
  /** Total number of images, over all passes. */
  readonly total: number;
  /** Optimizer steps that produced the parameters. */
  readonly step: number;
  /** Batches evaluated earlier, which the source skips; new ones are added. */
  readonly progress?: ProgressFile<Evaluated> | undefined;
}

/** Returns the column's values, and `evaluations` if the batch has them. */
function evaluatedOf(batch: Batch<string>, column: string): Evaluated {
  const values = [...floats(batch, column).data];
  const counted = batch.record.schema.fields.some(({ name }) => name === "evaluations");
  const evaluations = counted ? { evaluations: [...floats(batch, "evaluations").data] } : {};
  return { first: batch.info.firstSample, values, ...evaluations };
}

/**
 * Averages the column `bpd` or `loss`, first over the passes for each image, then over images. The standard error is
 * over images.
 *
 * @example
 * ```ts
 * bitsPerDimBatches.pipe(evaluate({ name: "likelihood (ODE)", key: "bpd", total: 1000, step: state.step }));
 * ```
 * @returns Progress after every batch; at the end the metric and the result, unless images are missing.
 */
export function evaluate<K extends EvaluationKey>(
  options: EvaluateOptions<K>,
): OperatorFunction<Batch<ColumnOf<K>>, RunEvent> {
  const { name, key, total, step, progress, split, dequantization } = options;
  const [column, unit] = key === "loss" ? ["loss", "1"] : ["bpd", "bits/dim"];
  return (source) =>
    defer(() => {
      const batches: Evaluated[] = [...(progress?.entries ?? [])];
      const done = () => countOf(batches);
      const before: RunEvent[] = [{ type: "stage", name, total, unit: "images", phase: PHASES[key] }];
      if (progress?.damage !== undefined) {
        before.push({
          type: "message",
          text: `warning: ${progress.damage}: its images and those after it are evaluated anew`,
        });
      }
      if (done() > 0) {
        before.push({ type: "message", text: `${name}: going on after ${done()} images evaluated before` });
        before.push({ type: "progress", done: done() });
      }
      const events = source.pipe(
        concatMap((batch): RunEvent[] => {
          const evaluated = evaluatedOf(batch as Batch<string>, column!);
          progress?.append(evaluated);
          batches.push(evaluated);
          return [{ type: "progress", done: done() }];
        }),
      );
      const result = defer(() => {
        if (done() < total) return [];
        const { mean, standardError, images } = measured(batches);
        const named = SUMMARY[key];
        const values = {
          [named]: mean,
          ...(Number.isFinite(standardError) && { [`${named}StandardError`]: standardError }),
          evalImages: images,
          ...(split && { split }),
          ...(dequantization && { dequantization }),
          ...(key === "bpd" &&
            (options.importanceSamples ?? 1) > 1 && { importanceSamples: options.importanceSamples! }),
          ...(options.emaRate !== undefined && { emaRate: options.emaRate }),
        };
        return of<RunEvent[]>(
          { type: "metric", name: `eval/${evaluationName(key, options)}`, step, value: mean, unit: unit! },
          { type: "result", values },
        );
      });
      return concat(from(before), events, result);
    });
}
