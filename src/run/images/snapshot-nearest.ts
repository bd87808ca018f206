/** Compares the samples of a look with the images of the training: a model that repeats those comes nearer than test images do. */
import { join } from "node:path";
import { concatMap, defer, EMPTY, last, type Observable } from "rxjs";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import type { ImageSplits } from "../../data/dataset.ts";
import { evaluationOrder } from "../../data/evaluation-order.ts";
import { pngGrid } from "../../data/formats/png-grid.ts";
import type { NearestImages } from "../../metrics/nearest-images.ts";
import { evaluationExamples } from "../../data/examples.ts";
import { evalBatches } from "../../streams/batches.ts";
import { withCredit } from "../../streams/credit.ts";
import { nearestTo } from "../../streams/nearest-to.ts";
import type { RunContext } from "../pipeline.ts";
import type { Session } from "../session.ts";

/** Test images whose distances are told beside those of the samples, at most. */
const TEST = 64;
/** Values of training images that are compared at once: 16 MiB as floats. */
const AT_ONCE = 1 << 22;

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Looks for the image of the training that is nearest to each sample, among `training.snapshotNearest` of them, as far
 * as the training mirrors in both directions.
 *
 * Writes them as a grid, and their places and distances beside those of test images as JSON, to `samples` of the
 * workdir, and tells the mean distances as metrics.
 *
 * @returns Nothing, for samples [N, H, W, C] of a step.
 */
export function snapshotNearest(
  { config, signal, workdir }: Pick<RunContext, "config" | "signal" | "workdir">,
  { tell }: Pick<Session, "tell">,
  { train, test }: Pick<ImageSplits, "train" | "test">,
): (samples: Uint8Array, step: number) => Observable<never> {
  const { shape } = train;
  const mirror = config.data.randomFlip;
  const examples = evaluationExamples(train, config.training.snapshotNearest);
  const order = evaluationOrder(train.length, examples.length);
  const batchSize = Math.max(1, Math.floor(AT_ONCE / (shape[0] * shape[1] * shape[2])));
  /** Distances of the test images, which stay the same. */
  let known: readonly number[] | undefined;

  const search = (wanted: Uint8Array) =>
    withCredit(2, (credit) =>
      evalBatches(examples, "image", { batchSize, signal, credit }).pipe(
        nearestTo(wanted, { shape, mirror }),
        credit.refund(),
      ),
    );

  return (samples, step) =>
    defer(() => {
      const others = known ? new Uint8Array(0) : test.gather(evaluationOrder(test.length, TEST));
      return search(Buffer.concat([samples, others])).pipe(
        last(undefined, undefined),
        concatMap(async (found) => {
          // Interrupted: what was not searched may be nearer.
          if (found?.searched !== examples.length) return;
          const count = samples.length / (shape[0] * shape[1] * shape[2]);
          const distances = [...found.distance];
          known ??= distances.slice(count);
          const nearest: NearestImages = {
            ...{ step, searched: examples.length, of: train.length, mirrored: mirror, shape },
            samples: distances.slice(0, count).map((distance, i) => ({ image: order[found.index[i]!]!, distance })),
            test: known,
          };
          const path = join(workdir, "samples", `nearest_${step}`);
          await writeFileAtomic(`${path}.png`, [pngGrid(found.images.subarray(0, samples.length), shape)]);
          await writeFileAtomic(`${path}.json`, [Buffer.from(`${JSON.stringify(nearest)}\n`)]);
          const metric = (name: string, value: number) => tell({ type: "metric", name, step, value, unit: "1" });
          metric("eval/nearest", mean(distances.slice(0, count)));
          metric("eval/nearest_test", mean(known));
        }),
        concatMap(() => EMPTY),
      );
    });
}
