import { describe, expect, it } from "vitest";
import { testClaims, verdictOf } from "../../../src/run/study/claims.ts";
import { studyCurves, studyRows } from "../../../src/run/study/rows.ts";
import type { Summary } from "../../../src/run/pipeline.ts";
import { planOf, resultsOf, study } from "./fixture.ts";

const SEEDS = ["1", "2", "3"];
/** Large noise that the runs of a seed share. */
const shared = (values: Readonly<Record<string, string>>) => 10 * Number(values["seed"]);
const variances = (importance: number) => SEEDS.map((seed) => ({ values: { sde: "vp" }, seed, uniform: 1, importance: importance * Number(seed) })); // prettier-ignore

const verdicts = (bitsOf: Parameters<typeof resultsOf>[1], axes: string[] = [], importance = 0.01) => {
  const plan = planOf(...axes);
  const rows = studyRows(plan, resultsOf(plan, bitsOf));
  return testClaims(study.claims, rows, variances(importance), plan.grid["seed"]!);
};

describe("verdictOf", () => {
  it.each([
    [-0.201, 0.1, "confirmed"],
    [-0.199, 0.1, "undecided"],
    [0, 0, "undecided"],
    [0.199, 0.1, "undecided"],
    [0.201, 0.1, "not confirmed"],
    [-5, NaN, "undecided"],
  ])("of %f ± %f is %s", (mean, standardError, verdict) => {
    expect(verdictOf({ mean, standardError, runs: 3 })).toBe(verdict);
  });

  it("of nothing is: not tested", () => {
    expect(verdictOf(undefined)).toBe("not tested");
  });
});

describe("claims of bits/dim", () => {
  it("are confirmed by a small difference under large noise that the seeds share", () => {
    const [lw, variance, subvp] = verdicts((values) => shared(values) - (values["method"] === "likelihood" ? 0.1 + 0.01 * Number(values["seed"]) : 0)); // prettier-ignore
    expect(lw).toMatchObject({ verdict: "confirmed", leftOut: 0 });
    expect(lw!.difference).toEqual({ mean: expect.closeTo(-0.12) as number, standardError: expect.closeTo(0.01 / Math.sqrt(3)) as number, runs: 3 }); // prettier-ignore
    // Two SDEs by two dequantizations.
    expect(lw!.contexts.map(({ values }) => Object.values(values).join())).toEqual(["vp,uniform", "vp,variational", "subvp,uniform", "subvp,variational"]); // prettier-ignore
    expect(variance!.verdict).toBe("confirmed");
    expect(subvp!.verdict).toBe("undecided");
  });

  it("are not confirmed where the opposite holds", () => {
    const [lw, variance] = verdicts((values) => shared(values) + (values["method"] === "likelihood" ? 0.1 + 0.01 * Number(values["seed"]) : 0), [], 100); // prettier-ignore
    expect([lw!.verdict, variance!.verdict]).toEqual(["not confirmed", "not confirmed"]);
  });

  it("count a seed once, however many comparisons agree on it", () => {
    // Both SDEs and dequantizations share each seed's difference: 0.1, 0.1 and -0.3 are not twelve values.
    const [lw] = verdicts((values) => shared(values) + (values["method"] === "likelihood" ? [0, 0.1, 0.1, -0.3][Number(values["seed"])]! : 0)); // prettier-ignore
    expect(lw!.verdict).toBe("undecided");
    expect(lw!.difference!.runs).toBe(3);
  });

  it("are undecided by one seed, and not tested without the other side", () => {
    const better = (values: Readonly<Record<string, string>>) => (values["method"] === "likelihood" ? 3 : 4);
    expect(verdicts(better, ["seed=1"])[0]!.verdict).toBe("undecided");
    expect(verdicts(better, ["method=likelihood"])[0]).toMatchObject({ verdict: "not tested", contexts: [] });
  });

  it("leave out and count comparisons that lack a seed", () => {
    const [lw] = verdicts((values, deq) => (deq === "variational" && values["seed"] === "2" ? NaN : values["method"] === "likelihood" ? 3 - Number(values["seed"]) / 10 : 4)); // prettier-ignore
    expect(lw).toMatchObject({ verdict: "confirmed", leftOut: 2, difference: { runs: 3 } });
    expect(lw!.contexts.map(({ difference }) => difference.runs)).toEqual([3, 2, 3, 2]);
  });
});

describe("rows", () => {
  it("have the result of each evaluation, without the run that failed", () => {
    const plan = planOf();
    const [first, ...rest] = resultsOf(plan, (_, deq) => (deq === "uniform" ? 3 : 2));
    const failed = { ...first!, exitCode: 1, runs: [...first!.runs.slice(0, 3), { bpd: 99, error: "no room" }] };
    const rows = studyRows(plan, [failed, ...rest]);
    expect(
      rows.slice(0, 2).map(({ values, summaries }) => [values["deq"], [...summaries.keys()], summaries.get("2")?.bpd]),
    ).toEqual([
      // prettier-ignore
      ["uniform", ["1", "2", "3"], 3],
      ["variational", ["2", "3"], 2],
    ]);
  });

  it("have the runs of a cell that was stopped between two of them, and not the one that was stopped", () => {
    const plan = planOf("seed=1", "sde=vp", "method=original");
    const [whole] = resultsOf(plan, () => 3);
    const points = (...runs: Partial<Summary>[]) => studyCurves(plan, [{ ...whole!, exitCode: 143, runs }])[0]!.points.length; // prettier-ignore
    expect(points({ bpd: 9 })).toBe(1);
    expect(points({ bpd: 9 }, { bpd: 3 })).toBe(2);
    expect(points({ bpd: 9 }, { stoppedBy: "SIGTERM" })).toBe(1);
    expect(points({ bpd: 9 }, { error: "no room" })).toBe(1);
  });

  it("have the looks of their training as a curve", () => {
    const plan = planOf("seed=1");
    expect(
      studyCurves(
        plan,
        resultsOf(plan, () => 3),
      )[0]!.points,
    ).toEqual([
      { steps: 5, seed: "1", bpd: 9, bound: 10 },
      { steps: 10, seed: "1", bpd: 3, bound: 4 },
    ]);
  });
});
