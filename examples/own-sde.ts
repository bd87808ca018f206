/** An SDE of one's own: the cosine schedule, on a known Gaussian. `npm run pipeline ./examples/own-sde.ts` */
import { identity } from "rxjs";
import {
  definePipeline,
  densityBitsPerDim,
  evalBatches,
  evaluate,
  examplesOf,
  logLikelihood,
  mlp,
  sampleChain,
  type SDE,
  session,
  trainingLoop,
} from "scorestream";

/** Variance preserving, with mean coefficient cos(theta(t)) / cos(theta(0)). @see Nichol and Dhariwal 2021, equation (17) */
function cosineSDE(N: number): SDE {
  const [offset, end] = [0.008, 0.99];
  const speed = (end * Math.PI) / 2 / (1 + offset);
  const theta = (t: number) => speed * (t + offset);
  const beta = (t: number) => 2 * speed * Math.tan(theta(t));
  const meanCoeff = (t: number) => Math.cos(theta(t)) / Math.cos(theta(0));
  const std = (t: number) => Math.sqrt(1 - meanCoeff(t) ** 2);
  return {
    ...{ name: "cosine", T: 1, N, meanCoeff, std, priorStd: 1 },
    driftCoeff: (t) => -beta(t) / 2,
    diffusion: (t) => Math.sqrt(beta(t)),
    discretize: (t) => ({ f: -beta(t) / 2 / N, G: Math.sqrt(beta(t) / N) }),
    timeCondition: (t) => 999 * t,
    scoreScale: (t) => -1 / std(t),
  };
}

const dims = 4;
const examples = (length: number, seed: number) =>
  examplesOf(sampleChain({ dims, std: 0.5, rho: 0.7 }, length, seed), [dims]);

export default definePipeline({
  summary: "an MLP on a Gaussian, by the cosine schedule",
  reaches: "The bits/dim of the Gaussian within seconds.",
  defaults: { training: { steps: 2000, batchSize: 256 }, model: { emaRate: 0.99 }, eval: { numImages: 256 } },
  run: (context) =>
    session(context, { network: mlp({ dims, width: 64, depth: 2 }), sde: cosineSDE(1000) }, (session) => ({
      train: () => trainingLoop(context, session, { data: examples(1e4, 1), column: "data", stages: () => identity }),
      evaluate() {
        const { eval: evaluation, training } = context.config;
        const options = { ...evaluation, eps: training.smallestTime, seed: 43, signal: context.signal };
        const total = evaluation.numImages;
        return evalBatches(examples(total, 2), "data", { ...evaluation, repeats: 1 }).pipe(
          logLikelihood(session.score, session.sde, options),
          densityBitsPerDim(),
          evaluate({ name: "likelihood (ODE)", key: "bpd", total, step: session.state.step }),
        );
      },
    })),
});
