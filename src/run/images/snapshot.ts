/** Looks at a run while it trains: the bound on some images, and a grid of samples, of the averaged parameters. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { concat, concatMap, defer, EMPTY, filter, tap, type Observable } from "rxjs";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { bytes } from "../../data/batch.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { pngGrid } from "../../data/formats/png-grid.ts";
import { tf } from "../../engine/tf.ts";
import type { Look } from "../../streams/between-steps.ts";
import { imageShapeOf } from "../../models/score-model.ts";
import { evaluate } from "../../streams/evaluate.ts";
import { evalBatches, evaluationExamples, images } from "../../streams/batches.ts";
import { owning } from "../../streams/owning.ts";
import { priorBatches } from "../../streams/sample.ts";
import { averageOf } from "../../training/train-state.ts";
import { evaluatedRate, evaluationSeed } from "../from-config.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";
import type { ImageSampler, Measures } from "./method.ts";

/** Images that the bound is a mean over, and that are drawn. */
const IMAGES = 16;
/** Times drawn for the bound at most. */
const TIMES = 32;

/**
 * Looks at the averaged parameters of a step: tells the session `eval/bound` of some test images and, as the result
 * `samples`, a grid in `samples` of the workdir. Images and noise are the same each time, so that grids can be compared.
 */
export function imageSnapshot(
  context: RunContext,
  session: Session,
  test: ImageDataset,
  { measures, sampler }: { readonly measures: Measures; readonly sampler: ImageSampler },
): Look {
  const { config, signal, workdir } = context;
  const { sde, network, scoreOf, tell } = session;
  const { boundTimes, batchSize } = config.eval;
  const seed = evaluationSeed(config);
  const some = evaluationExamples(images(test), IMAGES);
  const total = some.length;
  const fewer = {
    ...context,
    config: { ...config, eval: { ...config.eval, boundTimes: Math.min(boundTimes, TIMES) } },
  };

  return (copy) => {
    const { step } = copy;
    const average = averageOf<Float32Array>(copy, evaluatedRate(config));
    const look = (ema: ReturnType<typeof tf.tensor1d>): Observable<unknown> => {
      const averaged = { ...session, score: scoreOf(ema) };
      const bound = evalBatches(some, "image", { batchSize, signal }).pipe(
        measures(fewer, averaged).bound,
        evaluate({ name: "bound", key: "bound", total, step }),
        // The bar is the training's, and the summary the last evaluation's.
        filter((event: RunEvent) => event.type === "metric"),
        tap(tell),
      );
      const shape = imageShapeOf(network.model);
      const grid = priorBatches(sde, shape, { total: IMAGES, batchSize: IMAGES, seed, signal }).pipe(
        sampler(context, averaged),
        concatMap(async (batch) => {
          const folder = join(workdir, "samples");
          mkdirSync(folder, { recursive: true });
          const samples = join(folder, `samples_${step}.png`);
          await writeFileAtomic(samples, [pngGrid(bytes(batch, "image").data, shape)]);
          tell({ type: "result", values: { steps: step, samples } });
        }),
      );
      return concat(bound, grid);
    };
    // A copy: TensorFlow goes on sharing the memory, which the checkpoint of this step reads too.
    return defer(() => (signal.aborted ? EMPTY : owning(() => tf.tensor1d(average.slice()), look)));
  };
}
