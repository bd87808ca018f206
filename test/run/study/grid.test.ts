import { describe, expect, it } from "vitest";
import { cellArgv, cellRuns, gridOf, lookSteps, studyCells } from "../../../src/run/study/grid.ts";
import { parseAxis } from "../../../src/run/sweep/axes.ts";
import { planOf, preset, study } from "./fixture.ts";

const settings = (argv: readonly string[]) => argv.flatMap((word, i) => (argv[i - 1] === "--set" ? [word] : []));

describe("the cells of a study", () => {
  it("are one for each training, a seed after the other", () => {
    const cells = studyCells(study, planOf("seed=1..2").grid);
    expect(cells.map(({ name }) => name)).toEqual([
      "sde=vp,method=original,seed=1",
      "sde=vp,method=likelihood,seed=1",
      "sde=subvp,method=original,seed=1",
      "sde=subvp,method=likelihood,seed=1",
      ...["sde=vp,method=original,seed=2", "sde=vp,method=likelihood,seed=2"],
      ...["sde=subvp,method=original,seed=2", "sde=subvp,method=likelihood,seed=2"],
    ]);
  });

  it("train with looks, then a dequantizer, then evaluate with it", () => {
    const plan = { ...planOf(), given: [{ name: "optim.lr", text: "1" }, { name: "training.steps", text: "10" }] }; // prettier-ignore
    const cell = studyCells(study, plan.grid).find(({ name }) => name === "sde=subvp,method=likelihood,seed=3")!;
    const argv = cellArgv(plan, cell);
    expect(argv.map((words) => words.slice(0, 5).join(" "))).toEqual([
      ...["count --mode train --preset quick", "count --mode train --preset quick"],
      ...["count --mode train_deq --preset quick", "count --mode eval --preset quick"],
    ]);
    const common = ["training.steps=10", "sde=subvp", "model.nf=8", "training.likelihoodWeighting=true", "seed=3", "optim.lr=1"]; // prettier-ignore
    expect(argv.map(settings)).toEqual([
      [...common, "eval.numImages=4", "training.steps=5"],
      [...common, "training.steps=10"],
      common,
      [...common, "eval.dequantizer=true"],
    ]);
  });

  it("leave the runs of an evaluation out that the grid does not have", () => {
    const plan = planOf("deq=uniform");
    expect(cellArgv(plan, studyCells(study, plan.grid)[0]!)).toHaveLength(2);
    expect([...cellRuns(plan).evaluations]).toEqual([["uniform", { first: 2, result: 1 }]]);
    expect([...cellRuns(planOf("deq=variational")).evaluations]).toEqual([["variational", { first: 2, result: 3 }]]);
  });

  it.each([
    ["sdee=vp", /no such axis; nearest: sde/],
    ["sde=vp,ve", /--sweep sde=ve: there is no such value/],
    ["seed=-1..1", /--sweep seed=-1: there is no such value/],
    ["training.steps=1,2", /no such axis/],
  ])("refuse %s", (text, message) => {
    expect(() => gridOf(study, preset, [parseAxis(text)])).toThrow(message);
  });

  it("refuse an axis that is given twice", () => {
    expect(() => gridOf(study, preset, ["seed=1", "seed=2"].map(parseAxis))).toThrow(/seed: the axis is given twice/);
  });
});

describe("lookSteps", () => {
  it.each([
    [10, 2, [5, 10]],
    [7, 3, [2, 5, 7]],
    [1, 4, [1]],
    [3, 1, [3]],
  ])("divides %d steps into %d looks", (steps, looks, expected) => {
    expect(lookSteps(steps, looks)).toEqual(expected);
  });
});
