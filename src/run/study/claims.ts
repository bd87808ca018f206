/** The claims of a study held against its rows. */
import { average } from "../../metrics/statistics.ts";
import type { Mean } from "../sweep/results.ts";
import { meanOver, type StudyRow } from "./rows.ts";
import type { BitsClaim, StudyClaim } from "./study.ts";

/**
 * "confirmed": the difference is more than two standard errors below zero; "not confirmed": as far above it, so that the
 * opposite holds; "undecided": between, or one seed only; "not tested": the grid does not have both sides.
 */
export type Verdict = "confirmed" | "not confirmed" | "undecided" | "not tested";

/** The difference of a claim where all other axes are fixed. */
export interface ClaimContext {
  /** Values of the other axes. */
  readonly values: Readonly<Record<string, string>>;
  /** Better minus worse over seeds: negative where the claim holds. */
  readonly difference: Mean;
}

export interface TestedClaim {
  readonly claim: StudyClaim;
  readonly verdict: Verdict;
  /** Mean over contexts for each seed, then over seeds. */
  readonly difference?: Mean | undefined;
  /** Contexts with a difference of some seed. */
  readonly contexts: readonly ClaimContext[];
  /** Contexts that the mean is over. */
  readonly compared: number;
  /** Contexts that are in no mean: a run of a seed is missing. */
  readonly leftOut: number;
}

/** Standard errors that a difference must exceed. */
const ERRORS = 2;

/** The verdict of a difference that should be negative. */
export function verdictOf(difference: Mean | undefined): Verdict {
  if (!difference) return "not tested";
  const { mean, standardError } = difference;
  if (!Number.isFinite(standardError)) return "undecided";
  if (mean + ERRORS * standardError < 0) return "confirmed";
  return mean - ERRORS * standardError > 0 ? "not confirmed" : "undecided";
}

const others = (values: Readonly<Record<string, string>>, axis: string) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name !== axis));

/** Differences by seed, where both rows have a finite value. */
function paired(better: StudyRow, worse: StudyRow): ReadonlyMap<string, number> {
  const differences = new Map<string, number>();
  for (const [seed, { bpd }] of better.summaries) {
    const difference = (bpd ?? NaN) - (worse.summaries.get(seed)?.bpd ?? NaN);
    if (Number.isFinite(difference)) differences.set(seed, difference);
  }
  return differences;
}

/** A claim from its contexts: each seed's mean over them is one value, since runs of a seed share their noise. */
function tested(
  claim: StudyClaim,
  found: readonly { readonly values: Readonly<Record<string, string>>; readonly bySeed: ReadonlyMap<string, number> }[],
  seeds: readonly string[],
): TestedClaim {
  const whole = found.filter(({ bySeed }) => seeds.every((seed) => bySeed.has(seed)));
  const difference = meanOver(
    whole.length ? seeds.map((seed) => average(whole.map(({ bySeed }) => bySeed.get(seed)!))) : [],
  );
  const contexts = found.flatMap(({ values, bySeed }) => {
    const mean = meanOver([...bySeed.values()]);
    return mean ? [{ values, difference: mean }] : [];
  });
  const counts = { compared: whole.length, leftOut: found.length - whole.length };
  return { claim, verdict: verdictOf(difference), difference, contexts, ...counts };
}

/** Holds a claim on bits/dim against the rows, paired over the seeds. */
export function testBits(claim: BitsClaim, rows: readonly StudyRow[], seeds: readonly string[]): TestedClaim {
  const { axis, better, worse } = claim;
  const key = ({ values }: StudyRow) => JSON.stringify(others(values, axis));
  const found = rows
    .filter(({ values }) => values[axis] === better)
    .flatMap((row) => {
      const other = rows.find((candidate) => candidate.values[axis] === worse && key(candidate) === key(row));
      return other ? [{ values: others(row.values, axis), bySeed: paired(row, other) }] : [];
    });
  return tested(claim, found, seeds);
}

/** The variance of a model's loss by two densities of times. */
export interface ModelVariance {
  readonly values: Readonly<Record<string, string>>;
  readonly seed: string;
  /** Variance with times drawn uniformly. */
  readonly uniform: number;
  /** Variance with times drawn in proportion to g^2 / sigma^2. */
  readonly importance: number;
}

/** Holds the claim on the variance against models: the difference is that of decimal logarithms. */
export function testVariance(
  claim: StudyClaim,
  models: readonly ModelVariance[],
  seeds: readonly string[],
): TestedClaim {
  const groups = new Map<string, { readonly values: ModelVariance["values"]; readonly bySeed: Map<string, number> }>();
  for (const { values, seed, uniform, importance } of models) {
    if (!(uniform > 0 && importance > 0)) continue;
    const key = JSON.stringify(values);
    const group = groups.get(key) ?? { values, bySeed: new Map<string, number>() };
    group.bySeed.set(seed, Math.log10(importance / uniform));
    groups.set(key, group);
  }
  return tested(claim, [...groups.values()], seeds);
}

/** All claims of a study. */
export const testClaims = (
  claims: readonly StudyClaim[],
  rows: readonly StudyRow[],
  models: readonly ModelVariance[],
  seeds: readonly string[],
): TestedClaim[] =>
  claims.map((claim) => ("lossVariance" in claim ? testVariance(claim, models, seeds) : testBits(claim, rows, seeds)));
