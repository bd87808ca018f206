/** A pipeline with configuration fields of its own. `npm run pipeline ./examples/own-pipeline.ts -- --set ring.radius=2` */
import { join } from "node:path";
import { identity } from "rxjs";
import {
  definePipeline,
  evaluationSeed,
  type Examples,
  examplesOf,
  mlp,
  priorBatches,
  sample,
  saveExamples,
  session,
  trainingLoop,
  z,
} from "scorestream";

const fields = z.object({
  ring: z.object({
    radius: z.number().gt(0).max(4).default(1).describe("radius of the ring"),
    points: z.int().min(1).max(1e6).default(1000).describe("points on it"),
  }),
  mlp: z.object({ width: z.int().min(4).max(1024).default(64).describe("units of a hidden layer") }),
});

/** Points on a ring. */
function ring({ radius, points }: z.infer<typeof fields>["ring"]): Examples {
  const data = new Float32Array(2 * points);
  for (let i = 0; i < points; i++) {
    const angle = (2 * Math.PI * i) / points;
    data.set([radius * Math.cos(angle), radius * Math.sin(angle)], 2 * i);
  }
  return examplesOf(data, [2]);
}

export default definePipeline({
  summary: "an MLP on the points of a ring",
  reaches: "Points near the ring in seconds.",
  fields,
  defaults: { training: { steps: 1000, batchSize: 256 }, model: { emaRate: 0.99 }, sampling: { numSamples: 16 } },
  run: (context) => {
    const { config, workdir, signal } = context;
    const { sampling, eval: evaluation } = config;
    return session(context, { network: mlp({ dims: 2, width: config.mlp.width, depth: 2 }) }, (session) => ({
      train: () => trainingLoop(context, session, { data: ring(config.ring), column: "data", stages: () => identity }),
      sample() {
        const batches = { total: sampling.numSamples, batchSize: evaluation.batchSize, seed: evaluationSeed(config) };
        const options = { ...sampling, eps: sampling.smallestTime, denoise: sampling.noiseRemoval, signal };
        return priorBatches(session.sde, [2], { ...batches, signal }).pipe(
          sample(session.score, session.sde, options),
          saveExamples(join(workdir, "samples.arrow"), { total: sampling.numSamples }),
        );
      },
    }));
  },
});
