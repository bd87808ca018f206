/** Chooses the models of a study whose losses are drawn, and draws them. */
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import type { Config } from "../config.ts";
import type { CellResult } from "../sweep/run-cells.ts";
import { cellRuns, SEED, type CellPlan } from "./grid.ts";
import { modelLosses, type ModelLosses } from "./loss-variance.ts";

/** Losses of the model of a cell. */
export interface DrawnModel {
  /** Its value on each axis but the seed. */
  readonly values: Readonly<Record<string, string>>;
  readonly seed: string;
  readonly losses: ModelLosses;
}

interface LossModelsOptions {
  /** Folder of the study. */
  readonly folder: string;
  readonly cacheDir: string;
  readonly signal: AbortSignal;
  /** Settings of any cell, for its data. */
  readonly config: Config;
  readonly say: (text: string) => void;
}

/**
 * Draws losses of every cell that has been trained to its end, and leaves out models that cannot be loaded. A signal ends
 * it with what there is.
 */
export async function lossModels(
  plan: CellPlan,
  results: readonly CellResult[],
  { folder, cacheDir, signal, config, say }: LossModelsOptions,
): Promise<DrawnModel[]> {
  const trained = cellRuns(plan).looks.length - 1;
  const models = results.flatMap(({ cell, exitCode, runs }) => {
    const parameters = exitCode === 0 ? runs[trained]?.parameters : undefined;
    return parameters === undefined ? [] : [{ cell, parameters }];
  });
  const found: DrawnModel[] = [];
  let images: Promise<ImageDataset> | undefined;
  const data = () => (images ??= plan.study.images(config, cacheDir, () => {}));
  for (const { cell, parameters } of models) {
    if (signal.aborted) break;
    say(`[${cell.name}] losses by two densities of times`);
    const options = { parameters, draws: plan.preset.lossDraws, signal };
    try {
      const losses = await modelLosses(join(folder, cell.name), data, options);
      const { [SEED]: seed, ...values } = cell.values;
      found.push({ values, seed: seed!, losses });
    } catch (error) {
      if (signal.aborted) break;
      // A model whose checkpoint was removed leaves those of the other cells as they are.
      if (!(error instanceof UsageError)) throw error;
      say(`[${cell.name}] its losses are left out: ${error.message}`);
    }
  }
  return found;
}
