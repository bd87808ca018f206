/** Sampled images: a grid of them, in --mode sample all of them, and what is measured of them. */
import { concat, defer, EMPTY, type Observable } from "rxjs";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { countSpooled, ImageSpool, type SpooledBatch } from "../../data/image-spool.ts";
import { fitsNpz } from "../../data/formats/npz-stream.ts";
import { UsageError } from "../../base/errors.ts";
import { imageShapeOf } from "../../models/score-model.ts";
import { withCredit } from "../../streams/credit.ts";
import { priorBatches } from "../../streams/sample.ts";
import { saveImages } from "../../streams/save-images.ts";
import { spooledImages } from "../../streams/spooled-images.ts";
import { computedBy, requireSameVersion } from "../evaluation-work.ts";
import { evaluationSeed } from "../from-config.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";
import type { ImageSampler } from "./method.ts";
import type { Measure } from "./quality.ts";
import { samplesWork } from "./samples-work.ts";

/** Path of the grid for the present parameters. */
export const samplesPath = ({ workdir }: RunContext, { state }: Session) =>
  join(workdir, "samples", `samples_${state.step}.png`);

/** The files to write; all samples only where the run is about them. */
function filesOf(context: RunContext, session: Session) {
  const grid = samplesPath(context, session);
  if (context.mode !== "sample") return { grid };
  const [total, shape] = [context.config.sampling.numSamples, session.network.model.shape];
  if (!fitsNpz("samples", [total, ...shape])) {
    throw new UsageError(
      `sampling.numSamples: ${total} images [${shape}] make an npz file of 4 GiB or more`,
      "draw fewer, or several times with another --seed",
    );
  }
  return { grid, arrow: grid.replace(/png$/, "arrow"), npz: grid.replace(/png$/, "npz") };
}

/**
 * Draws from the prior, through `sampler`, to files; an interrupted run goes on where it was.
 *
 * @param measure What is measured of the samples when they are all there.
 */
export function sampleImages(
  context: RunContext,
  session: Session,
  sampler: ImageSampler,
  measure?: Measure,
): Observable<RunEvent> {
  const { config, signal, name: pipeline } = context;
  const { sde, network } = session;
  const { numSamples: total } = config.sampling;
  const { batchSize } = config.eval;
  const seed = evaluationSeed(config);
  const shape = imageShapeOf(network.model);

  return defer(() => {
    const files = filesOf(context, session);
    mkdirSync(dirname(files.grid), { recursive: true });
    const work = { pipeline, ema: session.averageDigest(), ...samplesWork(config), ...computedBy(context) };
    const partial = files.grid.replace(/\.png$/, "_partial");
    requireSameVersion<SpooledBatch>(`${partial}.jsonl`, work, total, countSpooled);
    const spool = new ImageSpool(partial, work, shape);
    const save = withCredit(2, (credit) =>
      priorBatches(sde, shape, { total, batchSize, from: spool.batches, seed, signal, credit }).pipe(
        sampler(context, session),
        credit.refund(),
        saveImages(files, { total, spool }),
      ),
    );
    const measured = measure
      ? withCredit(2, (credit) => spooledImages(spool, { batchSize, signal, credit }).pipe(measure(total, credit)))
      : EMPTY;
    const ended = (then: () => Observable<RunEvent>) => defer(() => (signal.aborted ? EMPTY : then()));
    return concat(
      save,
      ended(() => measured),
      ended(() => (spool.remove(), EMPTY)),
    );
  });
}
