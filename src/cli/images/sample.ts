/** A grid of sampled images. */
import type { Observable } from "rxjs";
import { join } from "node:path";
import { withCredit } from "../../streams/credit.ts";
import { predictorCorrector } from "../../streams/predictor-corrector.ts";
import { quantize } from "../../streams/quantize.ts";
import { priorBatches, sample } from "../../streams/sample.ts";
import { saveGrid } from "../../streams/save-grid.ts";
import { evaluationSeed } from "../from-config.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";
import type { Session } from "../session.ts";

/** Where the grid of the parameters as they are is kept. */
export const samplesPath = ({ workdir }: RunContext, { state }: Session) =>
  join(workdir, "samples", `samples_${state.step}.png`);

/** Draws from the prior, through the sampler of the configuration, to a PNG grid. */
export function sampleImages(context: RunContext, session: Session): Observable<RunEvent> {
  const { config, stop } = context;
  const { sde, network, score } = session;
  const { numSamples: total, method, nStepsEach: nSteps, ...sampling } = config.sampling;
  const seed = evaluationSeed(config);
  const options = { ...sampling, eps: sampling.smallestTime, denoise: sampling.noiseRemoval, signal: stop };
  const sampler =
    method === "ode"
      ? sample<"latent">(score, sde, options)
      : predictorCorrector<"latent">(score, sde, { ...options, nSteps, seed });
  const { batchSize } = config.eval;
  return withCredit(2, (credit) =>
    priorBatches(sde, network.model.shape, { total, batchSize, seed, stop, credit }).pipe(
      sampler,
      quantize({ centered: config.data.centered }),
      credit.refund(),
      saveGrid(samplesPath(context, session), { total }),
    ),
  );
}
