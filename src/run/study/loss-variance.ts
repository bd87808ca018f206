/** The likelihood-weighted loss of one model with times drawn in two ways, for the variance of each. */
import { join } from "node:path";
import { concatMap, lastValueFrom, toArray } from "rxjs";
import { readJson } from "../../base/read-json.ts";
import { floats, type Batch } from "../../data/batch.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import type { ScoreFunction } from "../../sde/score-function.ts";
import type { SDE } from "../../sde/sde.ts";
import { evaluationExamples } from "../../data/examples.ts";
import { evalBatches } from "../../streams/batches.ts";
import { withCredit } from "../../streams/credit.ts";
import { dequantize } from "../../streams/dequantize.ts";
import { perturb } from "../../streams/perturb.ts";
import { sampleTime } from "../../streams/sample-time.ts";
import { evaluationSeed } from "../from-config.ts";
import { loadModel } from "../load-model.ts";

/** Ways to draw the times of a loss. */
export const lossDensities = ["uniform", "likelihood"] as const;
export type LossDensity = (typeof lossDensities)[number];

/** Losses with the times they were drawn at; [N] each, bits/dim. */
export interface DrawnLosses {
  readonly times: readonly number[];
  readonly losses: readonly number[];
}

/** Losses of one model by both densities. */
export type ModelLosses = Readonly<Record<LossDensity, DrawnLosses>>;

/** A constant that the density's mean times, so that both estimate the same integral over [eps, T]. */
function factorOf(sde: SDE, density: LossDensity, eps: number): (t: number) => number {
  if (density === "uniform") return (t) => (sde.T - eps) * (sde.diffusion(t) / sde.std(t)) ** 2;
  const total = sde.importance!.cumulative(sde.T, eps);
  return () => total;
}

/**
 * One estimate for each example of the integral of g^2 / (2 sigma^2) |sigma s + z|^2 over [eps, T], in bits/dim.
 *
 * @param score [B, ...shape] at the perturbed examples.
 */
export function lossEstimates(
  sde: SDE,
  density: LossDensity,
  eps: number,
  { t, noise, score }: { readonly t: Float32Array; readonly noise: Float32Array; readonly score: Float32Array },
): number[] {
  const factor = factorOf(sde, density, eps);
  const dims = noise.length / t.length;
  return Array.from(t, (time, b) => {
    const sigma = sde.std(time);
    let sum = 0;
    for (let i = b * dims; i < (b + 1) * dims; i++) sum += (sigma * score[i]! + noise[i]!) ** 2;
    return (factor(time) * sum) / (2 * dims * Math.LN2);
  });
}

interface DrawOptions {
  readonly draws: number;
  readonly batchSize: number;
  readonly eps: number;
  readonly seed: number;
  readonly centered: boolean;
  readonly signal: AbortSignal;
}

/** Draws losses of images, one time and noise each; the images come again with fresh noise where they are fewer. */
export async function drawLosses(
  { score, sde }: { readonly score: ScoreFunction; readonly sde: SDE },
  data: ImageDataset,
  density: LossDensity,
  { draws, batchSize, eps, seed, centered, signal }: DrawOptions,
): Promise<DrawnLosses> {
  const some = evaluationExamples(data, draws);
  const repeats = Math.ceil(draws / some.length);
  const parts = withCredit(2, (credit) =>
    evalBatches(some, "image", { batchSize, repeats, signal, credit }).pipe(
      dequantize("uniform", { seed, centered }),
      sampleTime(sde, { eps, density, seed }),
      perturb(sde, { seed }),
      concatMap(async (batch: Batch<"t" | "noise" | "perturbed">) => {
        const [t, noise, x] = (["t", "noise", "perturbed"] as const).map((name) => floats(batch, name).data);
        const found = await score.score(x!, Float64Array.from(t!));
        return { times: [...t!], losses: lossEstimates(sde, density, eps, { t: t!, noise: noise!, score: found }) };
      }),
      credit.refund(),
      toArray(),
    ),
  );
  const all = await lastValueFrom(parts);
  signal.throwIfAborted();
  const joined = (name: keyof DrawnLosses) => all.flatMap((part) => part[name]).slice(0, draws);
  return { times: joined("times"), losses: joined("losses") };
}

/** Spread of losses about their mean. */
export function variance(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

interface StoredLosses {
  readonly parameters: string;
  readonly draws: number;
  readonly losses: ModelLosses;
}

/**
 * Draws the losses of a run's model by both densities, or reads them where they are there for the same parameters.
 *
 * @param data Loads the images; called only where losses are drawn.
 * @param parameters Digest of the trained parameters.
 * @throws UsageError when the model cannot be loaded.
 */
export async function modelLosses(
  workdir: string,
  data: () => Promise<ImageDataset>,
  { parameters, draws, signal }: { readonly parameters: string; readonly draws: number; readonly signal: AbortSignal },
): Promise<ModelLosses> {
  const path = join(workdir, "eval", "loss_variance.json");
  const stored = readJson<StoredLosses>(path);
  if (stored?.parameters === parameters && stored.draws === draws) return stored.losses;
  const model = await loadModel(workdir);
  try {
    const { config, score } = model;
    const { centered } = config.data;
    const options = { draws, centered, signal, eps: config.training.smallestTime, seed: evaluationSeed(config) };
    const images = await data();
    const draw = (density: LossDensity) =>
      drawLosses({ score, sde: score.sde! }, images, density, { ...options, batchSize: config.eval.batchSize });
    const losses: ModelLosses = { uniform: await draw("uniform"), likelihood: await draw("likelihood") };
    const found: StoredLosses = { parameters, draws, losses };
    await writeFileAtomic(path, [Buffer.from(`${JSON.stringify(found)}\n`)]);
    return losses;
  } finally {
    model.dispose();
  }
}
