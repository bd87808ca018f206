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
  definePipeline,
  densityBitsPerDim,
  evalBatches,
  evaluate,
  evaluationSeed,
  examplesOf,
  logLikelihood,
  mlp,
  priorBatches,
  type RunContext,
  sample,
  saveExamples,
  session,
  trainingLoop,
} from "scorestream";

const dims = 2;
const shape = [dims];

/** Your data: \`count\` examples of \`dims\` numbers each, from the one numbered \`first\` on. */
function examples(first: number, count: number) {
  const data = Float32Array.from({ length: count * dims }, (_, i) => {
    const angle = 2.399963 * (first + Math.floor(i / dims));
    const radius = 1 + 0.1 * Math.sin(12.9898 * (first * dims + i));
    return radius * (i % dims ? Math.sin(angle) : Math.cos(angle));
  });
  return examplesOf(data, shape);
}

function run(context: RunContext) {
  const { config, signal, workdir } = context;
  const { model, sampling, eval: evaluation } = config;
  const eps = config.training.smallestTime;
  const fresh = evaluationSeed(config);
  const network = mlp({ dims, width: model.nf, depth: model.numResBlocks });

  const training = examples(0, 10_000);
  const test = examples(10_000, evaluation.numImages);
  // Resuming on other data is refused, and evaluations of two data sets are never mixed.
  const data = { train: training.digest, test: test.digest };

  return session(context, { network, data }, (session) => ({
    // Stages of your own, an augmentation say, go where the batches pass: (batches) => batches.pipe(...).
    train: () => trainingLoop(context, session, { data: training, column: "data", stages: () => (batches) => batches }),
    evaluate() {
      const total = evaluation.numImages;
      const done = session.progress("bpd", total);
      const batches = { ...evaluation, repeats: 1, from: done.entries.length, signal };
      return evalBatches(test, "data", batches).pipe(
        logLikelihood(session.score, session.sde, { ...evaluation, eps, seed: fresh, signal }),
        densityBitsPerDim(),
        evaluate({ name: "likelihood (ODE)", key: "bpd", total, step: session.state.step, progress: done }),
      );
    },
    sample: () =>
      priorBatches(session.sde, shape, { total: sampling.numSamples, batchSize: evaluation.batchSize, seed: fresh, signal }).pipe(
        sample(session.score, session.sde, { ...sampling, eps: sampling.smallestTime, denoise: sampling.noiseRemoval, signal }),
        saveExamples(join(workdir, "samples", \`samples_\${session.state.step}.arrow\`), { total: sampling.numSamples }),
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
      `new: ${JSON.stringify(name ?? "")} is not a valid name for a pipeline`,
      "for example: pipeline new mine",
    );
  }
  const path = join(folder, `${name}.ts`);
  try {
    writeFileSync(path, skeleton(name), { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new UsageError(`${path} already exists`, "give another name", { cause: error });
  }
  return relative(process.cwd(), path);
}
