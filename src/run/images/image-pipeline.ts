/** The parts that all image pipelines share: training, likelihood, bound, dequantizer and samples. */
import { catchError, concat, defer, EMPTY, from, ignoreElements, of, throwError, type Observable } from "rxjs";
import type { ImageDataset, ImageSplits, OnProgress } from "../../data/dataset.ts";
import { UsageError } from "../../base/errors.ts";
import type { FormName } from "../../models/flowpp/form.ts";
import type { ImageShape } from "../../models/score-model.ts";
import type { Anchor } from "../../monitor/report/report.ts";
import type { Look } from "../../streams/between-steps.ts";
import { owning } from "../../streams/owning.ts";
import { configNotes } from "../config-checks.ts";
import type { Config } from "../config.ts";
import { definePipeline, type Pipeline, type RunContext, type RunEvent } from "../pipeline.ts";
import { session, type RunPhases, type Session, type SessionModel } from "../session.ts";
import { withData } from "../with-data.ts";
import { imageDequantizer, trainByBound, type DequantizerTraining } from "./dequantizer.ts";
import { imageEvaluation } from "./evaluate.ts";
import { imageMeasures, imageSampler, type ImageSampler, type Measures } from "./method.ts";
import { CopyStopped } from "./remote.ts";
import { imageQuality } from "./quality.ts";
import { sampleImages, samplesPath } from "./sample.ts";
import { imageSnapshot } from "./snapshot.ts";
import { keepSamplesRecord, readSamplesRecord, samplerText } from "./samples-record.ts";

/** The images of a run. */
export interface RunImages extends ImageSplits {
  /** Notes about the images, for the user. */
  readonly notes?: readonly string[];
}

/** An image pipeline: its data, network, training and presets. */
export interface ImagePipeline<F = unknown> extends Pick<
  Pipeline<F>,
  "summary" | "reaches" | "fields" | "defaults" | "presets"
> {
  /** Height and width of the images, if they do not depend on the data; absent: the data decide. */
  readonly imageSize?: number;
  /** Returns the score network for images of this shape, and the SDE; default SDE: the one in the configuration. */
  readonly model: (context: RunContext<F>, shape: ImageShape) => SessionModel;
  /** Trains the model, by stages from images to checkpoints. */
  readonly train: (
    context: RunContext<F>,
    session: Session,
    images: ImageDataset,
    /** Inspects the run between steps. */
    look: Look,
  ) => Observable<RunEvent>;
  /** Evaluates images; default: {@link imageMeasures}. */
  readonly measures?: Measures;
  /** Draws images; default: {@link imageSampler}. */
  readonly sampler?: ImageSampler;
  /** Trains the variational dequantizer; default: {@link trainByBound}. */
  readonly trainDequantizer?: DequantizerTraining;
  readonly load: (context: RunContext<F>, onProgress: OnProgress) => Promise<RunImages>;
  /** Selects the Flow++ dequantizer for images of this height; default: {@link dequantizerForm}. */
  readonly dequantizer?: (imageSize: number) => FormName;
  /** Returns published results on the same data; default: none. */
  readonly anchors?: (config: Config) => readonly Anchor[];
}

/** Returns the height of square images. @throws UsageError when it differs from the size of the pipeline. */
function checkedSize({ name, shape }: ImageDataset, expected: number | undefined): number {
  const [height, width] = shape;
  const wanted = expected ?? height;
  if (height !== width || height !== wanted) {
    throw new UsageError(
      `data.path: the images of ${name} are ${height} x ${width}, expected ${wanted} x ${wanted}`,
      `prepare them with --size ${wanted}`,
    );
  }
  return height;
}

/**
 * Selects the form of the dequantizer. Its attention grows with the square of the pixels, and the form for ImageNet 64
 * has none.
 */
export const dequantizerForm = (imageSize: number): FormName => (imageSize <= 32 ? "cifar10" : "imagenet64");

/** @throws RangeError when the network is not for these images. */
function requireImages({ network }: SessionModel, { name, shape }: ImageDataset): void {
  if (network.shape.join() === shape.join()) return;
  throw new RangeError(
    `imagePipeline: the network is for examples of [${network.shape}], the images of ${name} are [${shape}]`,
  );
}

const closing = ({ train, test }: ImageSplits) => {
  for (const images of [train, test]) images.close();
};

/**
 * Defines a pipeline that trains ScoreFlow on the images that `load` returns.
 *
 * ```ts
 * export default imagePipeline({
 *   ...{ summary, reaches, presets, load, train },
 *   model: ({ config }, shape) => ({ network: ncsnpp(networkOf(config, shape)), sde: sdeOf(config) }),
 * });
 * ```
 */
export function imagePipeline<F = unknown>(pipeline: ImagePipeline<F>): Pipeline {
  const { imageSize, load, dequantizer: formOf = dequantizerForm, anchors: anchorsOf = () => [] } = pipeline;
  const { measures = imageMeasures, sampler = imageSampler, trainDequantizer: learn = trainByBound } = pipeline;

  const parts = (context: RunContext<F>, { train, test }: RunImages, size: number): Observable<RunEvent> => {
    const { config } = context;
    const model = pipeline.model(context, train.shape);
    requireImages(model, train);
    const digests = { train: train.digest, test: test.digest };
    return session(context, { ...model, data: digests }, (session): RunPhases => {
      const evaluation = imageEvaluation(context, session, measures, { test, train, anchors: anchorsOf(config) });
      const quality = imageQuality(context, session, train);
      const dequantizer = imageDequantizer(context, session, train, { form: formOf(size), learn });
      const { network: inception, samples: given } = config.quality;
      const keep = (): Promise<void> => {
        // Samples in a file were drawn with other settings.
        const drawn =
          inception !== undefined && given !== undefined ? {} : { drawn: samplerText(config), quality: undefined };
        const measured = quality.report?.fid === undefined ? {} : { quality: quality.report };
        return keepSamplesRecord(context, session, { ...drawn, ...measured });
      };
      return {
        train: () => {
          const { look, last } = imageSnapshot(context, session, { train, test }, { measures, sampler });
          return concat(pipeline.train(context, session, train, look), last);
        },
        evaluate: () => (config.eval.dequantizer ? dequantizer.with(evaluation.test) : evaluation.test()),
        sample: () =>
          concat(
            quality.of((measure) => sampleImages(context, session, sampler, measure)),
            defer(() => (context.signal.aborted ? EMPTY : from(keep()).pipe(ignoreElements()))),
          ),
        report: () => {
          const { drawn, quality: measured = quality.report } = readSamplesRecord(context, session);
          return evaluation.report({ grid: samplesPath(context, session), drawn }, measured);
        },
        trainDequantizer: () => dequantizer.train(evaluation.bound),
      };
    });
  };

  const run = (context: RunContext<F>): Observable<RunEvent> =>
    withData(
      (onProgress) => load(context, onProgress),
      (data) =>
        owning(
          () => ({ dispose: () => closing(data) }),
          () => {
            const size = checkedSize(data.train, imageSize);
            const notes = imageSize === undefined ? configNotes(context.config, size) : [];
            const said = [...(data.notes ?? []), ...notes];
            const about = data.train.about;
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
        error instanceof CopyStopped && context.signal.aborted ? EMPTY : throwError(() => error),
      ),
    );

  const { summary, reaches, fields, defaults, presets } = pipeline;
  return definePipeline<F>({
    ...{ summary, reaches, run },
    ...(imageSize && { imageSize }),
    ...(fields && { fields }),
    ...(defaults && { defaults }),
    ...(presets && { presets }),
  });
}
