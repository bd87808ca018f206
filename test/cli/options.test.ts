import { expect, it } from "vitest";
import { parseOptions } from "../../src/cli/options.ts";

const assignments = (...argv: string[]) => parseOptions(["count", ...argv]).assignments;

it.each([
  [[], "training.steps"],
  [["--mode", "eval"], "training.steps"],
  [["--mode", "train_deq"], "dequantizer.steps"],
] as const)("--steps with %o are those of %s", (mode, name) => {
  expect(assignments("--steps", "7", ...mode)).toEqual([{ name, text: "7" }]);
});

it("--steps and --seed come before each --set, which counts over them", () => {
  expect(assignments("--set", "seed=3", "--seed", "2", "--set", "training.steps=4", "--steps", "7")).toEqual([
    { name: "training.steps", text: "7" },
    { name: "seed", text: "2" },
    { name: "seed", text: "3" },
    { name: "training.steps", text: "4" },
  ]);
});
