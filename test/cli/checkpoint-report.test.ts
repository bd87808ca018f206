import { expect, it } from "vitest";
import { checkpointReportText } from "../../src/cli/checkpoint-report.ts";

it("has a line for each field but those of steps, and aligns the tensors", () => {
  const tensors = [
    { name: "a", shape: [2, 3], count: 6 },
    { name: "long", shape: [1200], count: 1200 },
  ];
  const fields = { step: 7, "optimizer/step": 7, lr: 0.5, stepSize: 3, rng: [1, 2] };
  const report = { file: "f.arrow", format: "arrow" as const, step: 1234, count: 1206, parameters: "p", ema: "e" };
  expect(checkpointReportText({ ...report, fields, tensors }).split("\n")).toEqual([
    "file           f.arrow (arrow)",
    "step           1,234",
    "parameters     1,206 in 2 tensors",
    "  SHA-256      p",
    "average        e",
    "lr             0.5",
    "stepSize       3",
    "rng            1,2",
    "",
    "a     [2, 3]      6",
    "long  [1200]  1,200",
    "",
  ]);
});
