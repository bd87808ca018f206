/** What the pipelines of images share: training, likelihood, bound, dequantizer and samples, on any images. */
import { catchError, concat, defer, EMPTY, from, ignoreElements, of, throwError, using, type Observable } from "rxjs";
import type { ImageDataset, ImageSplits, OnProgress } from "../../data/dataset.ts";
import { dataDigest } from "../../data/digest.ts";
import { UsageError } from "../../base/errors.ts";
import type { FormName } from "../../models/flowpp/form.ts";
import { ncsnpp } from "../../models/ncsnpp.ts";
import type { Anchor } from "../../monitor/report/report.ts";
import type { Look } from "../../streams/between-steps.ts";
import { configNotes, configProblems } from "../config-checks.ts";
import type { Config } from "../config.ts";
import { networkOf } from "../from-config.ts";
import { definePipeline, type Pipeline, type RunContext, type RunEvent } from "../pipeline.ts";
import { session, type RunPhases, type Session } from "../session.ts";
import { withData } from "../with-data.ts";
import { imageDequantizer } from "./dequantizer.ts";
import { imageEvaluation } from "./evaluate.ts";
import { CopyStopped } from "./remote.ts";
import { imageQuality } from "./quality.ts";
import { sampleImages, samplesPath } from "./sample.ts";
import { imageSnapshot } from "./snapshot.ts";
import { keepSamplesRecord, readSamplesRecord, samplerText } from "./samples-record.ts";

/** The images of a run. */
export interface RunImages extends ImageSplits {
  /** What the user should know of them. */
  readonly notes?: readonly string[];
}

/** A pipeline of images: its data, its training and its presets. */
export interface ImagePipeline extends Pick<Pipeline, "summary" | "reaches" | "presets"> {
  /** Height and width of the images, where it is one whatever the data; else the data tell. */
  readonly imageSize?: number;
  /** The training: stages from images to checkpoints. */
  readonly train: (
    context: RunContext,
    session: Session,
    images: ImageDataset,
    /** Looks at the run between steps. */
    look: Look,
  ) => Observable<RunEvent>;
  readonly load: (context: RunContext, onProgress: OnProgress) => Promise<RunImages>;
  /** The Flow++ dequantizer for images of this height. */
  readonly dequantizer: (imageSize: number) => FormName;
  /** Published numbers of the same data. */
  readonly anchors: (config: Config) => readonly Anchor[];
}

/** Height of square images. @throws UsageError when the images or the configuration are not right for the network. */
function checkedSize(config: Config, { name, shape }: ImageDataset, expected: number | undefined): number {
  const [height, width] = shape;
  const wanted = expected ?? height;
  if (height !== width || height !== wanted) {
    throw new UsageError(
      `data.path: the images of ${name} are ${height} x ${width}, expected ${wanted} x ${wanted}`,
      `prepare them with --size ${wanted}`,
    );
  }
  const [problem] = configProblems(config, height);
  if (problem) throw new UsageError(problem.message, problem.remedy);
  return height;
}

const closing = ({ train, test }: ImageSplits) => {
  for (const images of [train, test]) if ("close" in images) images.close();
};

/**
 * A pipeline of ScoreFlow on images: `load` says which.
 *
 * ```ts
 * export default imagePipeline({ summary, reaches, presets, train, load, dequantizer: () => "cifar10", anchors });
 * ```
 */
export function imagePipeline(pipeline: ImagePipeline): Pipeline {
  const { summary, reaches, imageSize, presets, load, dequantizer: formOf, anchors } = pipeline;

  const parts = (context: RunContext, { train, test }: RunImages, size: number): Observable<RunEvent> => {
    const { config } = context;
    const network = ncsnpp(networkOf(config, size, train.shape[2]));
    const digests = { train: dataDigest(train), test: dataDigest(test) };
    return session(context, { network, data: digests }, (own): RunPhases => {
      const evaluation = imageEvaluation(context, own, test, anchors(config), train);
      const quality = imageQuality(context, own, train);
      const dequantizer = imageDequantizer(context, own, train, formOf(size));
      const { network: inception, samples: given } = config.quality;
      const keep = (): Promise<void> => {
        // Samples of a file were drawn by other settings.
        const drawn =
          inception !== undefined && given !== undefined ? {} : { drawn: samplerText(config), quality: undefined };
        const measured = quality.report?.fid === undefined ? {} : { quality: quality.report };
        return keepSamplesRecord(context, own, { ...drawn, ...measured });
      };
      return {
        train: () => pipeline.train(context, own, train, imageSnapshot(context, own, test)),
        evaluate: () => (config.eval.dequantizer ? dequantizer.with(evaluation.test) : evaluation.test()),
        sample: () =>
          concat(
            quality.of((measure) => sampleImages(context, own, measure)),
            defer(() => (context.stop.aborted ? EMPTY : from(keep()).pipe(ignoreElements()))),
          ),
        report: () => {
          const { drawn, quality: measured = quality.report } = readSamplesRecord(context, own);
          return evaluation.report({ grid: samplesPath(context, own), drawn }, measured);
        },
        trainDequantizer: () => dequantizer.train(evaluation.bound),
      };
    });
  };

  const run = (context: RunContext): Observable<RunEvent> =>
    withData(
      (onProgress) => load(context, onProgress),
      (data) =>
        using(
          () => ({ unsubscribe: () => closing(data) }),
          () => {
            const size = checkedSize(context.config, data.train, imageSize);
            const notes = imageSize === undefined ? configNotes(context.config, size) : [];
            const said = [...(data.notes ?? []), ...notes];
            const about = "about" in data.train ? data.train.about : data.train.name;
            const messages = said.map((text): RunEvent => ({ type: "message", text: `note: ${text}` }));
            return concat(
              from(messages),
              of<RunEvent>({ type: "result", values: { data: about } }),
              parts(context, data, size),
            );
          },
        ),
    ).pipe(
      catchError((error: unknown) =>
        error instanceof CopyStopped && context.stop.aborted ? EMPTY : throwError(() => error),
      ),
    );

  return definePipeline({ summary, reaches, ...(imageSize && { imageSize }), defaults: {}, presets, run });
}
