import { concat, concatAll, defer, of, type OperatorFunction } from "rxjs";
import type { Batch } from "../data/batch.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import type { Pause } from "../quality/features.ts";
import { measureQuality, type Quality } from "../quality/quality.ts";
import type { DataStatistics } from "../quality/statistics-file.ts";
import { collectFeatures } from "./collect-features.ts";

/** Options of {@link sampleQuality}. */
export interface SampleQualityOptions {
  /** Number of samples to expect; further ones are ignored. */
  readonly total: number;
  /** Optimizer steps that produced the parameters. */
  readonly step: number;
  /** Statistics of the data with which the samples are compared. */
  readonly data: DataStatistics;
  readonly pause?: Pause;
  /** Receives the result. */
  readonly onFound?: (quality: Quality) => void;
}

function events(quality: Quality, step: number): RunEvent[] {
  const { fid, kid, inceptionScore, notes } = quality;
  const metric = (name: string, value: number, unit: string): RunEvent => ({ type: "metric", name, step, value, unit });
  return [
    ...notes.map((text): RunEvent => ({ type: "message", text: `note: ${text}` })),
    metric("eval/fid", fid, "1"),
    ...(kid === undefined ? [] : [metric("eval/kid", kid, "1")]),
    metric("eval/inception_score", inceptionScore, "1"),
    { type: "result", values: { fid, ...(kid !== undefined && { kid }), inceptionScore } },
  ];
}

/**
 * Computes FID, KID and Inception score of samples from their features.
 *
 * It collects the features as they arrive, and computes the distances after the last one.
 *
 * @example
 * ```ts
 * featureBatches.pipe(sampleQuality({ total: 50_000, step: state.step, data: statistics }));
 * ```
 * @returns Progress after every batch; at the end notes, metrics and the result, unless samples are missing.
 */
export function sampleQuality(options: SampleQualityOptions): OperatorFunction<Batch<"pool3" | "logits">, RunEvent> {
  const { total, step, data, pause, onFound } = options;
  const images = { stage: "features of the samples", name: "the samples", total };
  return collectFeatures(["pool3", "logits"], images, ({ pool3, logits }) =>
    concat(
      of<RunEvent>({ type: "stage", name: "FID, KID and Inception score", phase: "evaluating_quality" }),
      defer(async () => {
        const quality = await measureQuality(pool3, logits, data, pause);
        onFound?.(quality);
        return events(quality, step);
      }).pipe(concatAll()),
    ),
  );
}
