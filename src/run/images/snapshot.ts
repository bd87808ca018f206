/** Looks at a run while it trains: the bound on some images, and a grid of samples, of the averaged parameters. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { concat, concatAll, concatMap, defer, EMPTY, filter, ignoreElements, tap, type Observable } from "rxjs";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { bytes } from "../../data/batch.ts";
import type { ImageSplits } from "../../data/dataset.ts";
import { pngGrid } from "../../data/formats/png-grid.ts";
import { tf } from "../../engine/tf.ts";
import type { Look } from "../../streams/between-steps.ts";
import { imageShapeOf } from "../../models/score-model.ts";
import { evaluate } from "../../streams/evaluate.ts";
import { evaluationExamples } from "../../data/examples.ts";
import { evalBatches } from "../../streams/batches.ts";
import { owning } from "../../streams/owning.ts";
import { priorBatches } from "../../streams/sample.ts";
import type { ScoreFunction } from "../../sde/score-function.ts";
import { bestBound } from "../../training/checkpoints/best-checkpoint.ts";
import { averageOf, type Snapshot } from "../../training/train-state.ts";
import { evaluationKind, evaluationWork } from "../evaluation-work.ts";
import { evaluatedRate, evaluationSeed } from "../from-config.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";
import type { ImageSampler, Measures } from "./method.ts";
import { snapshotNearest } from "./snapshot-nearest.ts";

/** Images that are drawn. */
const IMAGES = 16;
/** Times drawn for the bound at most. */
const TIMES = 32;

type Metric = Extract<RunEvent, { readonly type: "metric" }>;

/** The looks at a run of images. */
export interface ImageSnapshots {
  /** Between steps. */
  readonly look: Look;
  /** After the last step, at which the evaluation looks: keeps its state where it is the best. */
  readonly last: Observable<never>;
}

/**
 * Looks at the averaged parameters of a step: tells the session `eval/bound` of some test images, `eval/bound_train` of
 * some of the training and, as the result `samples`, a grid in `samples` of the workdir; beside it stand a grid of the
 * parameters as they are and one of the nearest training images. Images and noise are the same each time, so that bounds
 * and grids can be compared; the state of the smallest `eval/bound` is kept as the best one.
 */
export function imageSnapshot(
  context: RunContext,
  session: Session,
  data: Pick<ImageSplits, "train" | "test">,
  { measures, sampler }: { readonly measures: Measures; readonly sampler: ImageSampler },
): ImageSnapshots {
  const { config, signal, workdir } = context;
  const { sde, network, state, store, scoreOf, tell } = session;
  const { batchSize } = config.eval;
  const seed = evaluationSeed(config);
  const boundTimes = Math.min(config.eval.boundTimes, TIMES);
  const numImages = config.training.boundImages;
  const fewer = { ...config, eval: { ...config.eval, boundTimes, numImages, repeats: 1, split: "test" as const } };
  const measuredBy = { ...evaluationWork(fewer, "bound", session.data?.test), emaRate: evaluatedRate(config) };

  /** The bound on images of a split, as a metric. */
  const bound = (split: "test" | "train", score: ScoreFunction, step: number) => {
    const some = evaluationExamples(data[split], numImages);
    const kind = { ...evaluationKind(fewer, "bound", false), split };
    return evalBatches(some, "image", { batchSize, signal }).pipe(
      measures({ ...context, config: fewer }, { ...session, score }).bound,
      evaluate({ name: "bound", key: "bound", total: some.length, step, ...kind }),
      // The bar is the training's, and the summary the last evaluation's.
      filter((event: RunEvent): event is Metric => event.type === "metric"),
    );
  };
  const told = (metric: Metric) => tell(metric);
  const keepBest = async (copy: Snapshot, value: number): Promise<void> => {
    const best = await bestBound(workdir, measuredBy);
    if (best === undefined || value < best) await store.saveBest(copy, { bound: value, by: measuredBy });
  };
  /** Passes the bound on once the state is kept, where it is the best. */
  const keeping = (copy: Snapshot) =>
    concatMap(async (metric: Metric) => {
      await keepBest(copy, metric.value);
      return metric;
    });
  const { snapshotRaw, snapshotNearest: searched } = config.training;
  const nearest = searched > 0 ? snapshotNearest(context, session, data) : () => EMPTY;
  const shape = imageShapeOf(network.model);
  /** Draws by the same noise each time, and passes the samples on once they are written as a grid. */
  const grid = (name: string, score: ScoreFunction) =>
    priorBatches(sde, shape, { total: IMAGES, batchSize: IMAGES, seed, signal }).pipe(
      sampler(context, { ...session, score }),
      concatMap(async (batch) => {
        const folder = join(workdir, "samples");
        mkdirSync(folder, { recursive: true });
        const path = join(folder, name);
        const { data: samples } = bytes(batch, "image");
        await writeFileAtomic(path, [pngGrid(samples, shape)]);
        return { path, samples };
      }),
    );
  /** Uses a copy as parameters: TensorFlow goes on sharing the memory, which the checkpoint of this step reads too. */
  const by = (parameters: Float32Array, use: (score: ScoreFunction) => Observable<unknown>) => {
    const own = () => tf.tensor1d(parameters.slice());
    return defer(() => (signal.aborted ? EMPTY : owning(own, (tensor) => use(scoreOf(tensor)))));
  };

  return {
    look: (copy) => {
      const { step } = copy;
      const averaged = (score: ScoreFunction) =>
        concat(
          bound("test", score, step).pipe(tap(told), keeping(copy)),
          bound("train", score, step).pipe(tap(told)),
          grid(`samples_${step}.png`, score).pipe(
            tap(({ path }) => tell({ type: "result", values: { steps: step, samples: path } })),
            concatMap(({ samples }) => nearest(samples, step)),
          ),
        );
      return concat(
        by(averageOf<Float32Array>(copy, evaluatedRate(config)), averaged),
        snapshotRaw ? by(copy.parameters, (score) => grid(`raw_${step}.png`, score)) : EMPTY,
      );
    },
    last: defer(async () => {
      // Also for a run that goes on from its last step: the one before may have been stopped before this look.
      const compared = !signal.aborted && (await bestBound(workdir, measuredBy)) !== undefined;
      return compared ? bound("test", session.score, state.step).pipe(keeping(state.snapshot())) : EMPTY;
    }).pipe(concatAll(), ignoreElements()),
  };
}
