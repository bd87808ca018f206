/** The models of a study whose losses are drawn, or read where an earlier study has drawn them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Config } from "../../../src/run/config.ts";
import { lossModels } from "../../../src/run/study/loss-models.ts";
import type { CellResult } from "../../../src/run/sweep/run-cells.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { planOf, resultsOf } from "./fixture.ts";

const plan = planOf("sde=vp", "method=original", "deq=uniform", "seed=1..2");
const drawn = { times: [0.5], losses: [1] };

/** Results of trainings with these parameters. */
const trained = resultsOf(plan, () => 3).map((result): CellResult => ({
  ...result,
  runs: result.runs.map((run) => ({ ...run, parameters: "abc" })),
}));

function setUp(stored: readonly CellResult[]) {
  const folder = temporaryFolder();
  for (const { cell } of stored) {
    mkdirSync(join(folder, cell.name, "eval"), { recursive: true });
    const losses = { parameters: "abc", draws: plan.preset.lossDraws, losses: { uniform: drawn, likelihood: drawn } };
    writeFileSync(join(folder, cell.name, "eval/loss_variance.json"), JSON.stringify(losses));
  }
  const said: string[] = [];
  const options = { folder, cacheDir: folder, signal: new AbortController().signal, config: {} as Config };
  return { said, run: () => lossModels(plan, trained, { ...options, say: (text) => void said.push(text) }) };
}

describe("the losses of a study's models", () => {
  it("need no data where they were drawn before", async () => {
    // The study of the fixture has no images.
    const { run } = setUp(trained);
    expect((await run()).map(({ seed }) => seed)).toEqual(["1", "2"]);
  });

  it("leave a model out that cannot be loaded, and say why", async () => {
    const { run, said } = setUp(trained.slice(1));
    expect((await run()).map(({ seed }) => seed)).toEqual(["2"]);
    expect(said.join("\n")).toMatch(/\[sde=vp,method=original,seed=1\] its losses are left out: .* holds no run/);
  });
});
