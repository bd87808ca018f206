import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deviationByTime, studyFigures } from "../../../src/run/study/figures.ts";
import { studyMarkdown } from "../../../src/run/study/markdown.ts";
import { studyHtml } from "../../../src/run/study/page.ts";
import { studyResults } from "../../../src/run/study/results.ts";
import { svgToPng, writeStudy } from "../../../src/run/study/write-study.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { planOf, resultsOf } from "./fixture.ts";

const drawn = (scale: number) => ({ times: [0.001, 0.001, 0.5, 0.5, 0.5], losses: [0, 2 * scale, 1, 1 + scale, 1] });
const plan = planOf("seed=1..2");
const bits = (values: Readonly<Record<string, string>>) => (values["sde"] === "vp" ? 3 : 2) + Number(values["seed"]);
const losses = ["1", "2"].map((seed) => ({ values: { sde: "vp", method: "original" }, seed, losses: { uniform: drawn(100 * Number(seed)), likelihood: drawn(0.5) } })); // prettier-ignore
const results = studyResults(plan, resultsOf(plan, bits), losses);

describe("the tables of a study", () => {
  it("have the published number where all settings are known to be the same, and only there", () => {
    const lines = studyMarkdown(results).split("\n");
    expect(lines).toContain("| VP | original | uniform | 2 | 4.50 ± 0.50 | 5.50 ± 0.50 | 3.16 |");
    expect(lines).toContain("| subVP | original | uniform | 2 | 3.50 ± 0.50 | 4.50 ± 0.50 | – |");
    expect(lines.filter((line) => line.includes("3.16"))).toHaveLength(1);
  });

  it("have the claims with their verdicts", () => {
    const text = studyMarkdown(results);
    expect(text).toContain("| subVP beats VP | confirmed | -1.0000 | bits/dim | 2 | 4 |");
    expect(text).toContain("| LW improves | undecided | 0.0000 | bits/dim | 2 | 4 |");
    expect(text).toMatch(/\| IS lowers the variance \| confirmed \| -4\.73 ± 0\.30 \| log10 of the ratio/);
  });

  it("count the comparisons that a claim rests on, and those that a missing run leaves out", () => {
    // One seed's evaluation with the dequantizer is missing in all, so half of the comparisons have one seed only.
    const missing = resultsOf(plan, (values, deq) => (deq === "variational" && values["seed"] === "2" ? NaN : bits(values))); // prettier-ignore
    expect(studyMarkdown(studyResults(plan, missing, []))).toContain(
      "| subVP beats VP | confirmed | -1.0000 | bits/dim | 2 | 2, 2 unfinished left out |",
    );
  });

  it("are a page in which text stays text, with its figures and samples", () => {
    const page = studyHtml(results, "tiny", studyFigures(results), [{ name: "VP", png: Uint8Array.of(1) }]);
    expect(page).toContain("a paper &lt;1&gt;");
    expect(page.match(/<svg /g)).toHaveLength(5);
    expect(page).toContain('alt="samples, VP"');
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(page).not.toContain("Failed cells");
  });
});

describe("the figures of a study", () => {
  it("are one of each kind, and of the steps one for each SDE", () => {
    expect(studyFigures(results).map(({ name }) => name)).toEqual(["bits", "claims", "steps-vp", "steps-subvp", "loss-variance"]); // prettier-ignore
  });

  it.each(["sde", "method"])("are of a study with one axis, %s, too", (axis) => {
    const { [axis]: values } = plan.study.axes;
    const small = { ...plan.study, axes: { [axis]: values! }, claims: [] };
    const one = { ...plan, study: small };
    const figures = studyFigures(studyResults(one, resultsOf(one, bits), []));
    expect(figures.map(({ name }) => name)).toEqual(["bits", "steps"]);
    expect(figures[1]!.svg).toContain(">bits/dim against steps<");
    for (const { label } of Object.values(values!)) expect(figures[1]!.svg).toContain(`${label}, ODE`);
  });

  it("leave out what has no point yet", () => {
    const stopped = resultsOf(plan, bits).map((result) => ({
      ...result,
      exitCode: 143,
      runs: [{ stoppedBy: "SIGTERM" }],
    }));
    expect(studyFigures(studyResults(plan, stopped, []))).toEqual([]);
  });

  it("show how far losses lie from their mean by time, where there are any", () => {
    // The mean is 60.6; -60.6 and 139.4 in the first bin, -59.6, 40.4 and -59.6 in another.
    const points = deviationByTime({ times: [0.001, 0.001, 0.5, 0.5, 0.5], losses: [0, 200, 1, 101, 1] }, 0.001);
    expect(points.map(({ x, y }) => [Number(x.toPrecision(2)), Number(y.toFixed(1))])).toEqual([
      [0.0014, 107.5],
      [0.35, 54.0],
    ]);
  });

  it("become PNG files of twice their size", async () => {
    const [figure] = studyFigures(results);
    const png = await svgToPng(figure!.svg);
    const width = Number(/width="(\d+)"/.exec(figure!.svg)![1]);
    expect(png.readUInt32BE(16)).toBe(2 * width);
  });
});

describe("the page of a study", () => {
  it("shows the samples that its folder has, also after it was moved", async () => {
    const folder = temporaryFolder();
    const seeds = studyResults(plan, resultsOf(plan, bits).slice(0, 1), []);
    const name = seeds.results[0]!.cell.name;
    mkdirSync(join(folder, name, "samples"), { recursive: true });
    writeFileSync(join(folder, name, "samples/samples_10.png"), "a grid");
    const told = seeds.results.map((result) => ({ ...result, runs: [{ samples: "/gone/samples/samples_10.png" }] }));
    const page = await writeStudy({ ...seeds, results: told }, { folder, preset: "tiny", name: "small" });
    expect(readFileSync(page, "utf8")).toContain(Buffer.from("a grid").toString("base64"));
  });
});
