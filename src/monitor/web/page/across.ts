/** Which grids of several runs belong together. */
import type { GridKind, SampleGrid } from "../run-files.ts";

/** Steps of the grids of any run, in order. */
export function gridSteps(runs: readonly (readonly SampleGrid[])[]): number[] {
  const steps = runs.flatMap((grids) => grids.flatMap(({ step }) => (step === undefined ? [] : [step])));
  return [...new Set(steps)].sort((a, b) => a - b);
}

/** A run's grid of a kind at a step, or its newest. */
export const gridAt = (
  grids: readonly SampleGrid[],
  wanted: GridKind,
  step: number | undefined,
): SampleGrid | undefined =>
  grids.findLast((grid) => grid.kind === wanted && (step === undefined || grid.step === step));
