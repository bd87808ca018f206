/** The tables of a study as heads and cells of text. */
import type { StudyResults } from "./results.ts";
import { valueLabel, meanText, publishedOf, rowLabel, signedText } from "./labels.ts";
import { rowMean, studyMeasures, type StudyMeasure } from "./rows.ts";

export interface TextTable {
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
}

const NAMES: Readonly<Record<StudyMeasure, string>> = { bpd: "bits/dim (ODE)", bound: "bound", fid: "FID" };

/** A row for each training and evaluation, beside the paper's. */
export function resultsTable({ plan, rows }: StudyResults): TextTable {
  const { study, grid } = plan;
  const axes = [...Object.keys(study.axes), study.evaluated.axis];
  const shown = studyMeasures.filter((measure) => rows.some((row) => rowMean(row, measure)));
  const seeds = grid["seed"]!.length;
  return {
    head: [...axes, "seeds", ...shown.map((measure) => NAMES[measure]), "published bits/dim"],
    body: rows.map((row) => [
      ...axes.map((axis) => valueLabel(study, axis, row.values[axis]!)),
      row.summaries.size < seeds ? `${row.summaries.size} of ${seeds}` : String(seeds),
      ...shown.map((measure) => meanText(rowMean(row, measure))),
      publishedOf(study, row.values)?.bpd?.toFixed(2) ?? "–",
    ]),
  };
}

const UNITS = { bits: "bits/dim", variance: "log10 of the ratio of variances" };

/** A row for each claim. */
export const claimsTable = ({ claims }: StudyResults): TextTable => ({
  head: ["claim", "verdict", "difference", "unit", "seeds", "comparisons"],
  body: claims.map(({ claim, verdict, difference, compared, leftOut }) => [
    claim.says,
    verdict,
    signedText(difference),
    "lossVariance" in claim ? UNITS.variance : UNITS.bits,
    String(difference?.runs ?? 0),
    leftOut ? `${compared}, ${leftOut} unfinished left out` : String(compared),
  ]),
});

/** A row for each comparison of a claim where all else is equal. */
export function contextsTable({ plan, claims }: StudyResults): TextTable {
  return {
    head: ["claim", "where", "difference", "seeds"],
    body: claims.flatMap(({ claim, contexts }) =>
      contexts.map(({ values, difference }) => [
        claim.says,
        rowLabel(plan.study, values),
        signedText(difference),
        String(difference.runs),
      ]),
    ),
  };
}

export const NOTES = {
  results:
    "Means over seeds with their standard error. Published numbers are of the full-size network, long trained; a dash where no source in the repository gives one for all these settings.",
  claims:
    "The difference is better minus worse: negative where the claim holds. It is taken between runs of one seed, which share their noise, averaged over the comparisons, then over seeds. Confirmed: more than two standard errors below zero. Not confirmed: as far above. By chance alone a true difference of zero falls outside two standard errors in 30% of cases with 2 seeds, 18% with 3, 12% with 5.",
};
