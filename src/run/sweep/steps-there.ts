/** The steps that the workdirs of a grid have already, held against those that are asked for. */
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { newestStep } from "../../training/checkpoints/checkpoint-store.ts";
import type { Cell } from "./axes.ts";
import { finishedRuns } from "./run-cells.ts";

/** A cell with its runs. */
export interface CellSteps {
  readonly cell: Cell;
  /** Command lines of all its runs. */
  readonly argv: readonly (readonly string[])[];
  /** Steps at which its trainings end, the first runs. */
  readonly steps: readonly number[];
}

/**
 * Refuses a grid whose next training in a workdir would end before the step that is there. Such a training does nothing, and
 * the results of the later step would stand for those of the earlier one.
 *
 * @throws UsageError naming the first such workdir.
 */
export function requireStepsAhead(folder: string, cells: readonly CellSteps[]): void {
  for (const { cell, argv, steps } of cells) {
    const workdir = join(folder, cell.name);
    const wanted = steps[finishedRuns(workdir, argv).length];
    const there = newestStep(workdir);
    if (wanted === undefined || there === undefined || there <= wanted) continue;
    throw new UsageError(
      `training.steps: ${workdir} has been trained for ${there} steps, and its next training would end at ${wanted}`,
      `use another --workdir, or remove ${workdir}`,
    );
  }
}
