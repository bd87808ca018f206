/** FID, KID and Inception score of sampled images. */
import { concat, concatMap, defer, identity, of, type Observable, type OperatorFunction } from "rxjs";
import type { Batch } from "../../data/batch.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { shellWord } from "../../base/format.ts";
import { UsageError } from "../../base/errors.ts";
import { turn } from "../../base/turn.ts";
import { loadInception, type Inception } from "../../quality/inception/inception.ts";
import type * as report from "../../monitor/report/report.ts";
import type { Quality } from "../../quality/quality.ts";
import { withCredit, type Credit } from "../../streams/credit.ts";
import { evalBatches } from "../../streams/batches.ts";
import { inceptionFeatures } from "../../streams/inception-features.ts";
import { owning } from "../../streams/owning.ts";
import { sampleQuality } from "../../streams/sample-quality.ts";
import { commandOf, type RunContext, type RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";
import { stripPaths } from "./strip-paths.ts";
import { withStatistics } from "./quality-statistics.ts";
import { readSamples } from "./read-samples.ts";
import { asInstalled } from "../../base/commands.ts";

/**
 * Measures `total` samples as they come, at most `quality.numSamples` of them; `credit` is given back a batch when its
 * features are there.
 */
export type Measure = (total: number, credit?: Credit) => OperatorFunction<Batch<"image">, RunEvent>;

export interface ImageQuality {
  /**
   * Opens the network and the statistics of the data, then draws samples and measures them, or measures those of
   * `quality.samples`. Without a network it tells how to get it and draws only.
   *
   * @param draw Draws samples, and has `measure` look at them where there is one.
   */
  of(draw: (measure: Measure | undefined) => Observable<RunEvent>): Observable<RunEvent>;
  /** Results, or how to get the network; undefined when there is one and nothing was drawn. */
  readonly report: report.ReportedQuality | undefined;
}

/** Explains how to get the network, and the command that uses it. Reports are shared, so it names no folders. */
const help = (context: Pick<RunContext, "name" | "given">, workdir: string) =>
  "FID, KID and Inception score are left out: they need the Inception network of 2015, which is not part of this " +
  "program. Get classify_image_graph_def.pb (in https://storage.googleapis.com/download.tensorflow.org/models/image/imagenet/" +
  "inception-2015-12-05.tgz), or pt_inception-2015-12-05-6726825d.pth (release fid_weights of " +
  "https://github.com/mseitzer/pytorch-fid) converted as docs/guide/evaluation.md says, and run " +
  `${asInstalled(commandOf(context))} --mode sample --workdir ${shellWord(workdir)} --set quality.network=FILE`;

function reported({ fid, kid, inceptionScore, samples, statistics, notes }: Quality): report.ReportedQuality {
  const note = [`On ${samples} samples, compared with ${stripPaths(statistics)}`, ...notes]
    .map((text) => `${text}.`)
    .join(" ");
  return { fid, ...(kid !== undefined && { kid }), inceptionScore, note };
}

/** @throws UsageError for fewer samples than can be measured. */
function checked(samples: number): number {
  if (samples >= 2) return samples;
  throw new UsageError(`quality: ${samples} samples, at least 2 are needed`, "draw more samples");
}

/**
 * @param data The training images: what the samples are compared with, unless `quality.statistics` names a file.
 * @param load Opens the network of a file.
 */
export function imageQuality(
  context: RunContext,
  { state }: Session,
  data: ImageDataset,
  load: (path: string) => Inception = loadInception,
): ImageQuality {
  const { config, signal } = context;
  const { network: path, batchSize, numSamples, samples: file } = config.quality;
  const text = help(context, context.workdir);
  let found: report.ReportedQuality | undefined =
    path === undefined ? { note: help({ name: context.name }, "WORKDIR") } : undefined;

  const open = (path: string, use: (measure: Measure) => Observable<RunEvent>) =>
    owning(
      () => load(path),
      (network) =>
        withStatistics(context, network, data, (statistics) =>
          use((total, credit) => (samples) => {
            const options = {
              ...{ total: Math.min(total, numSamples), step: state.step, data: statistics },
              pause: () => turn(signal),
              onFound: (quality: Quality) => void (found = reported(quality)),
            };
            return samples.pipe(
              inceptionFeatures(network, { batchSize, signal }),
              credit ? credit.refund() : identity,
              sampleQuality(options),
            );
          }),
        ),
    );
  /** Looks at the samples first: what they are compared with may take an hour to compute. */
  const measureFile = (path: string, file: string) =>
    defer(() => readSamples(file)).pipe(
      concatMap((samples) => {
        const length = checked(Math.min(samples.length, numSamples));
        return open(path, (measure) =>
          withCredit(2, (credit) =>
            evalBatches({ ...samples, length }, "image", { batchSize, signal, credit }).pipe(measure(length, credit)),
          ),
        );
      }),
    );
  return {
    of: (draw) =>
      defer(() => {
        if (path !== undefined && file !== undefined) return measureFile(path, file);
        if (path !== undefined) {
          checked(config.sampling.numSamples);
          return open(path, draw);
        }
        return concat(of<RunEvent>({ type: "message", text }), draw(undefined));
      }),
    get report() {
      return found;
    },
  };
}
