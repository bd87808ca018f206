/** Bits/dim of held-out images, and the report on them. */
import { concat, defer, type Observable, type OperatorFunction } from "rxjs";
import { join } from "node:path";
import type { Batch } from "../../data/batch.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import type { ProgressFile } from "../../data/progress-file.ts";
import { writeReport, type Anchor } from "../../monitor/report.ts";
import { bitsPerDim } from "../../streams/bits-per-dim.ts";
import { withCredit } from "../../streams/credit.ts";
import { dequantize } from "../../streams/dequantize.ts";
import { evaluate, meanOverImages, perImage, type Evaluated } from "../../streams/evaluate.ts";
import { evalBatches, images } from "../../streams/image-batches.ts";
import { likelihoodBound } from "../../streams/likelihood-bound.ts";
import { logLikelihood } from "../../streams/log-likelihood.ts";
import type { DequantizerSession } from "../dequantizer-session.ts";
import { evaluationSeed } from "../from-config.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";

type Key = "bpd" | "bound";
type Dequantized = Batch<"image" | "data" | "logQ">;
type Measure = OperatorFunction<Dequantized, Batch<"image" | "data" | "logQ" | "logp">>;

export interface ImageEvaluation {
  /** The likelihood by the ODE, then the bound; by the variational dequantizer where one is given. */
  test(dequantizer?: DequantizerSession): Observable<RunEvent>;
  /** The bound only. */
  bound(dequantizer?: DequantizerSession): Observable<RunEvent>;
  /** Writes the page on what was found. */
  report(samples: string): Observable<RunEvent>;
}

export function imageEvaluation(
  context: RunContext,
  { sde, state, score, progress }: Session,
  data: ImageDataset,
  anchors: readonly Anchor[],
): ImageEvaluation {
  const { config, stop, workdir, name, preset, engine } = context;
  const { eval: evaluation, training } = config;
  const { centered } = config.data;
  const { boundTimes: times, boundOffset: offset, numImages, repeats } = evaluation;
  const seed = evaluationSeed(config);
  const heldOut = images(data, numImages);
  const total = heldOut.length * repeats;
  const options = { ...evaluation, eps: training.smallestTime, seed, signal: stop };
  const found: { [key in Key]?: ProgressFile<Evaluated> } = {};

  /** Held-out images, dequantized, through `measure` to bits/dim. */
  const evaluated = (title: string, key: Key, measure: Measure, dequantizer?: DequantizerSession) =>
    withCredit(2, (credit) => {
      const done = (found[key] = progress(key, dequantizer?.state.digest()));
      return evalBatches(heldOut, "image", { ...evaluation, from: done.entries.length, stop, credit }).pipe(
        dequantize(dequantizer ? "variational" : "uniform", { seed, centered, draw: dequantizer?.draw }),
        measure,
        bitsPerDim({ levels: 256, centered }),
        credit.refund(),
        evaluate({ name: title, key, total, step: state.step, progress: done }),
      );
    });
  const likelihood = logLikelihood<"image" | "logQ">(score, sde, options);
  const upper = likelihoodBound<"image" | "logQ">(score, sde, { ...options, times, offset });
  const bound = (dequantizer?: DequantizerSession) => evaluated("bound", "bound", upper, dequantizer);

  return {
    bound,
    test: (dequantizer) => concat(evaluated("likelihood (ODE)", "bpd", likelihood, dequantizer), bound(dequantizer)),
    report: (samples) =>
      defer(async (): Promise<RunEvent> => {
        const values = (key: Key) => perImage(found[key]?.entries ?? []);
        const run = {
          ...{ pipeline: name, preset, steps: state.step, seed: config.seed },
          dequantization: evaluation.dequantizer ? "variational" : "uniform",
          ...{ engine: `${engine.name} ${engine.version}`, device: engine.device, runtime: process.version },
        };
        const measured = { bpd: meanOverImages(values("bpd")), bound: meanOverImages(values("bound")) };
        const report = { run, ...measured, perImage: values("bpd"), anchors, config };
        const page = await writeReport(report, { folder: join(workdir, "eval"), data, samples });
        return { type: "result", values: { report: page } };
      }),
  };
}
