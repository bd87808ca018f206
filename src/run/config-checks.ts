/** Checks between fields, which no field's own range can make. */
import type { Config } from "./config.ts";
import { continuousSDE } from "./from-config.ts";
import { roundProblems } from "./rounds.ts";

export interface Problem {
  readonly message: string;
  readonly remedy: string;
}

/** GroupNorm cuts C channels into min(C/4, 32) groups, which must divide C; concatenated skips count too. */
function badGroupWidth(nf: number, chMult: readonly number[]): number | undefined {
  const levels = [1, ...chMult];
  const widths = levels.flatMap((m, i) => [m, 2 * m, m + (levels[i + 1] ?? m)].map((multiple) => multiple * nf));
  return widths.find((width) => width > 128 && width % 32 !== 0);
}

/**
 * Lists the faults of a configuration, the first one to show first. `imageSize` is the height of the pipeline's images,
 * if any.
 */
export function configProblems(config: Config, imageSize?: number): Problem[] {
  const { training, model, optim, engine, eval: evaluation } = config;
  const sde = continuousSDE(config);
  const problems: Problem[] = [];
  const refuse = (wrong: boolean, message: string, remedy: string) => {
    if (wrong) problems.push({ message, remedy });
  };

  refuse(
    training.batchSize % training.shards !== 0,
    `training.batchSize: ${training.batchSize} is not divisible by training.shards, ${training.shards}`,
    "choose a multiple",
  );
  refuse(
    config.dequantizer.batchSize % training.shards !== 0 || config.dequantizer.batchSize < 2 * training.shards,
    `dequantizer.batchSize: ${config.dequantizer.batchSize} does not give training.shards, ${training.shards}, two images each`,
    "choose a multiple",
  );
  for (const [name, { precision }] of Object.entries({ engine, eval: evaluation })) {
    refuse(
      precision === "bfloat16" && !engine.compile,
      `${name}.precision: bfloat16 needs compiled steps`,
      `--set engine.compile=true or --set ${name}.precision=float32`,
    );
  }
  refuse(
    !sde.importance && training.importanceWeighting,
    `training.importanceWeighting: the ${sde.name} SDE has none`,
    "--set training.importanceWeighting=false",
  );
  refuse(
    model.prediction !== undefined && !training.continuous,
    "model.prediction: a network of discrete steps predicts what its SDE says",
    "leave model.prediction out, or --set training.continuous=true",
  );
  refuse(
    model.prediction === undefined && !sde.discrete && !training.continuous,
    `training.continuous: the ${sde.name} SDE supports only continuous times`,
    "--set training.continuous=true",
  );
  refuse(
    sde.condition === "sigma" && training.continuous && model.embeddingType !== "fourier",
    `model.embeddingType: the ${sde.name} SDE needs the fourier embedding`,
    "--set model.embeddingType=fourier",
  );
  refuse(
    model.scaleBySigma && model.embeddingType !== "fourier",
    "model.scaleBySigma: works with the fourier embedding only",
    "--set model.embeddingType=fourier or --set model.scaleBySigma=false",
  );
  refuse(
    model.betaMin > model.betaMax,
    `model.betaMin: ${model.betaMin} is larger than model.betaMax, ${model.betaMax}`,
    "swap them",
  );
  refuse(
    model.sigmaMin >= model.sigmaMax,
    `model.sigmaMin: ${model.sigmaMin} is not smaller than model.sigmaMax, ${model.sigmaMax}`,
    "lower it",
  );
  refuse(
    optim.gradClip === 0,
    "optim.gradClip: 0 would make every gradient 0",
    "a positive norm, or a negative number for no clipping",
  );
  refuse(
    evaluation.dequantizer && evaluation.dequantization !== "uniform",
    "eval.dequantization: a trained dequantizer gives the noise, so it cannot be truncated",
    "--set eval.dequantizer=false or --set eval.dequantization=uniform",
  );
  refuse(
    evaluation.dequantization === "truncated" && evaluation.boundForm === "ssm",
    "eval.boundForm: the bound on discrete data has no form ssm",
    "--set eval.boundForm=dsm",
  );
  const rates = [model.emaRate, ...model.emaRates];
  refuse(
    evaluation.emaRate !== undefined && !rates.includes(evaluation.emaRate),
    `eval.emaRate: there is no average with decay ${evaluation.emaRate}; there are ${rates.join(", ")}`,
    "choose one of them, or name it in model.emaRates before the training begins",
  );
  refuse(
    new Set(rates).size < rates.length,
    `model.emaRates: ${rates.join(", ")}, with model.emaRate, name a decay twice`,
    "name each decay once",
  );
  const factor = 2 ** (model.chMult.length - 1);
  refuse(
    imageSize !== undefined && imageSize % factor !== 0,
    `model.chMult: ${model.chMult.length} resolutions halve the image ${model.chMult.length - 1} times, ` +
      `and ${imageSize} is not divisible by ${factor}`,
    "use fewer entries",
  );
  const width = badGroupWidth(model.nf, model.chMult);
  refuse(
    width !== undefined,
    `model.nf: ${model.nf} gives layers of ${width} channels, which do not divide into 32 groups`,
    "use a multiple of 32",
  );
  return [...problems, ...roundProblems(config)];
}

/** Lists settings that are allowed, but are perhaps not meant. */
export function configNotes(config: Config, imageSize?: number): string[] {
  const { training, model } = config;
  const notes: string[] = [];
  if (training.importanceWeighting && !training.likelihoodWeighting) {
    notes.push("training.importanceWeighting is ignored: it needs training.likelihoodWeighting");
  }
  if (training.velocityTimes && !training.likelihoodWeighting) {
    notes.push("training.velocityTimes is ignored: it needs training.likelihoodWeighting");
  }
  if (training.velocityTimes && training.likelihoodWeighting && model.prediction !== "velocity") {
    notes.push("training.velocityTimes: the loss varies much without model.prediction=velocity");
  }
  const { dequantization } = config.data;
  if (config.eval.dequantization === "truncated" && dequantization !== "middle") {
    notes.push("eval.dequantization=truncated suits a model that was trained with data.dequantization=middle");
  }
  const resolutions = model.chMult.map((_, level) => (imageSize ?? 0) / 2 ** level);
  for (const resolution of imageSize === undefined ? [] : model.attnResolutions) {
    if (resolutions.includes(resolution)) continue;
    notes.push(
      `model.attnResolutions: ${resolution} is not one of the network's resolutions, ${resolutions.join(", ")}`,
    );
  }
  return notes;
}
