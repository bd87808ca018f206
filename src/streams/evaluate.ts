import { concat, concatMap, defer, from, of, type OperatorFunction } from "rxjs";
import { floats, type Batch } from "../data/batch.ts";
import type { ProgressFile } from "../data/progress-file.ts";
import type { RunEvent } from "../monitor/run-event.ts";

/** Bits/dim of the images of one batch. */
export interface Evaluated {
  /** Index of the first image in its pass. */
  readonly first: number;
  readonly bpd: readonly number[];
}

export interface EvaluateOptions {
  /** Stage as people read it, "likelihood (ODE)". */
  readonly name: string;
  /** Key of the summary, and of the metric `eval/<key>`. */
  readonly key: "bpd" | "bound";
  /** Images in all, over all passes. */
  readonly total: number;
  /** Optimizer steps behind the parameters. */
  readonly step: number;
  /** Batches evaluated before, which the source leaves out; those to come are added. */
  readonly progress?: ProgressFile<Evaluated> | undefined;
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Bits/dim of each image, in the order of the images, averaged over passes. */
export function perImage(batches: readonly Evaluated[]): number[] {
  const passes: number[][] = [];
  for (const { first, bpd } of batches) bpd.forEach((value, i) => (passes[first + i] ??= []).push(value));
  return passes.map(average);
}

/** Mean over images and its standard error. */
export function meanOverImages(values: readonly number[]) {
  const mean = average(values);
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(values.length - 1, 1);
  return { mean, standardError: Math.sqrt(variance / values.length), images: values.length };
}

/**
 * Averages bits/dim: over the passes for each image, then over images, with the standard error over images.
 *
 * @returns Progress after every batch, and at the end the metric and the result, unless images are missing.
 */
export function evaluate(options: EvaluateOptions): OperatorFunction<Batch<"bpd">, RunEvent> {
  const { name, key, total, step, progress } = options;
  return (source) =>
    defer(() => {
      const batches: Evaluated[] = [...(progress?.entries ?? [])];
      const done = () => batches.reduce((n, { bpd }) => n + bpd.length, 0);
      const before: RunEvent[] = [{ type: "stage", name, total, unit: "images" }];
      if (done() > 0) {
        before.push({ type: "message", text: `${name}: going on after ${done()} images evaluated before` });
        before.push({ type: "progress", done: done() });
      }
      const events = source.pipe(
        concatMap((batch): RunEvent[] => {
          const evaluated = { first: batch.info.firstSample, bpd: [...floats(batch, "bpd").data] };
          progress?.append(evaluated);
          batches.push(evaluated);
          return [{ type: "progress", done: done() }];
        }),
      );
      const result = defer(() => {
        if (done() < total) return [];
        const { mean, standardError, images } = meanOverImages(perImage(batches));
        const values = { [key]: mean, [`${key}StandardError`]: standardError, evalImages: images };
        return of<RunEvent[]>(
          { type: "metric", name: `eval/${key}`, step, value: mean, unit: "bits/dim" },
          { type: "result", values },
        );
      });
      return concat(from(before), events, result);
    });
}
