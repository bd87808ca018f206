/** `npm run pipeline new NAME`: the file of a pipeline to begin with. */
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { UsageError } from "../base/errors.ts";

/** Text of a pipeline that runs: a score model of points on a noisy circle, with its bits/dim and samples. */
export const skeleton = (
  name: string,
): string => `/** ${name}: a score model of points on a noisy circle; put your own data and stages here. */
import { join } from "node:path";
import {
  accumulate,
  adam,
  allReduce,
  checkpoint,
  definePipeline,
  densityBitsPerDim,
  ema,
  evalBatches,
  evaluate,
  type Examples,
  evaluationSeed,
  logLikelihood,
  Meter,
  mlp,
  perturb,
  priorBatches,
  record,
  type RunContext,
  sample,
  sampleTime,
  saveExamples,
  scoreMatching,
  session,
  stagesOf,
  trainBatches,
  weightingOf,
  withCredit,
} from "scorestream";

const dims = 2;
const shape = [1, 1, dims];

/** Your data: \`count\` examples of \`dims\` numbers each. */
function examples(count: number): Examples {
  const data = Float32Array.from({ length: count * dims }, (_, i) => {
    const angle = 2.399963 * Math.floor(i / dims);
    const radius = 1 + 0.1 * Math.sin(12.9898 * i);
    return radius * (i % dims ? Math.sin(angle) : Math.cos(angle));
  });
  return { length: count, values: { data, shape } };
}

function run(context: RunContext) {
  const { config, stop, workdir } = context;
  const { training, model, optim, sampling, eval: evaluation, seed } = config;
  const { batchSize, shards, steps, smallestTime: eps } = training;
  const weighting = weightingOf(config);
  const compile = config.engine.compile && context.engine.native;
  const fresh = evaluationSeed(config);
  const meter = new Meter();
  const stage = stagesOf(meter);
  const network = mlp({ dims, width: model.nf, depth: model.numResBlocks });

  return session(context, network, ({ sde, network, state, store, peers, score, progress }) => ({
    train: () =>
      withCredit(2 * shards, (credit) =>
        trainBatches(examples(10_000), "data", { batchSize, shards, seed, from: state.step, to: steps, stop, credit, peers })
          .pipe(
            stage("times", sampleTime(sde, { eps, importance: weighting === "importance", seed })),
            stage("perturb", perturb(sde, { seed })),
          )
          .pipe(
            stage("score", scoreMatching(network, sde, state, { weighting, seed })),
            allReduce(peers),
            stage("accumulate", accumulate(shards), peers.alone ? shards : 1),
            stage("adam", adam(state, { ...optim, compile })),
            stage("ema", ema(state, { rate: model.emaRate, compile })),
            stage("checkpoint", checkpoint(state, store, { every: training.checkpointEvery, stop })),
            credit.refund(shards),
            record({ steps, every: training.logEvery, batchSize, meter }),
          ),
      ),
    evaluate() {
      const total = evaluation.numImages;
      const done = progress("bpd", total);
      const batches = { ...evaluation, repeats: 1, from: done.entries.length, stop };
      return evalBatches(examples(total), "data", batches).pipe(
        logLikelihood(score, sde, { ...evaluation, eps, seed: fresh, signal: stop }),
        densityBitsPerDim(),
        evaluate({ name: "likelihood (ODE)", key: "bpd", total, step: state.step, progress: done }),
      );
    },
    sample: () =>
      priorBatches(sde, shape, { total: sampling.numSamples, batchSize: evaluation.batchSize, seed: fresh, stop }).pipe(
        sample(score, sde, { ...sampling, eps: sampling.smallestTime, denoise: sampling.noiseRemoval, signal: stop }),
        saveExamples(join(workdir, "samples", \`samples_\${state.step}.arrow\`), { total: sampling.numSamples }),
      ),
  }));
}

export default definePipeline({
  summary: "${name}: an MLP on points of a circle",
  reaches: "A start: replace the data, the network and the stages by your own.",
  defaults: {
    training: { likelihoodWeighting: true, importanceWeighting: true, batchSize: 256, steps: 1000, checkpointEvery: 500 },
    model: { nf: 64, numResBlocks: 2, emaRate: 0.99 },
    optim: { lr: 3e-3, warmup: 50 },
    eval: { numImages: 256, batchSize: 256 },
  },
  presets: { quick: {}, paper: {}, paper_deep: {} },
  run,
});
`;

/**
 * Writes the skeleton into `folder`.
 *
 * @returns The path of the file, relative to the current folder.
 * @throws UsageError when the name is missing or no name, or the file is there.
 */
export function writeSkeleton(name: string | undefined, folder: string): string {
  if (!name || !/^[a-z][\w-]*$/i.test(name) || name === "new") {
    throw new UsageError(
      `new: ${JSON.stringify(name ?? "")} is no name of a pipeline`,
      "for example: pipeline new mine",
    );
  }
  const path = join(folder, `${name}.ts`);
  try {
    writeFileSync(path, skeleton(name), { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new UsageError(`${path} is there already`, "give another name", { cause: error });
  }
  return relative(process.cwd(), path);
}
