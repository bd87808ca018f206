/** All that a study's page, table and figures are made of. */
import type { CellResult } from "../sweep/run-cells.ts";
import { testClaims, type TestedClaim } from "./claims.ts";
import { SEED, type CellPlan } from "./grid.ts";
import type { DrawnModel } from "./loss-models.ts";
import { variance } from "./loss-variance.ts";
import { studyCurves, studyRows, type StudyCurve, type StudyRow } from "./rows.ts";

export interface StudyResults {
  readonly plan: CellPlan;
  /** Cells that have ended. */
  readonly results: readonly CellResult[];
  readonly rows: readonly StudyRow[];
  readonly curves: readonly StudyCurve[];
  readonly claims: readonly TestedClaim[];
  readonly losses: readonly DrawnModel[];
}

/** Gathers the rows, curves and verdicts of what has ended so far. */
export function studyResults(
  plan: CellPlan,
  results: readonly CellResult[],
  losses: readonly DrawnModel[],
): StudyResults {
  const rows = studyRows(plan, results);
  const models = losses.map(({ values, seed, losses: { uniform, likelihood } }) => ({
    ...{ values, seed },
    ...{ uniform: variance(uniform.losses), importance: variance(likelihood.losses) },
  }));
  const claims = testClaims(plan.study.claims, rows, models, plan.grid[SEED]!);
  return { plan, results, rows, curves: studyCurves(plan, results), claims, losses };
}
