/** The parts of the report's page that its numbers stand in. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadedImages } from "../../src/data/dataset.ts";
import { reportHtml } from "../../src/monitor/report/report-html.ts";
import { precisionTable, qualitySection, runSection, table } from "../../src/monitor/report/report-tables.ts";
import type { Report } from "../../src/monitor/report/report.ts";
import { ranking, readReport, writeReport } from "../../src/monitor/report/write-report.ts";
import { temporaryFolder } from "./fixture.ts";

const measured = (mean: number, over: object = {}) => ({
  mean,
  standardError: 0.125,
  images: 1234,
  repeats: 1,
  ...over,
});
const plain: Report = {
  run: { pipeline: "cifar10", preset: "quick", steps: 12_345, dequantization: "uniform", seed: 7 },
  ...{ split: "test", dequantizations: {}, perImage: [], anchors: [], config: { seed: 7 } },
};
const none = { mostLikely: [], leastLikely: [] };
const pageOf = (over: Partial<Report> = {}) => reportHtml({ ...plain, ...over }, none);
const tiles = (page: string) =>
  [...page.split('<div class="tiles">')[1]!.split("</div>")[0]!.matchAll(/<section.*?<\/section>/gs)].map(([tile]) =>
    tile.replaceAll("&plusmn;", "+-").replace(/<[^>]+>/g, "|").replace(/\|+/g, "|"),
  ); // prettier-ignore

describe("the page", () => {
  it("says what was run", () => {
    const page = pageOf();
    expect(page).toContain("preset quick, 12,345 steps, uniform dequantization, seed 7");
    expect(page).toContain("<title>ScoreStream: cifar10</title>");
    expect(page).toContain("<h1>cifar10</h1>");
    expect(pageOf({ run: {} })).toContain("<h1>evaluation</h1>");
    expect(tiles(page)).toEqual([]);
  });

  it("begins with the numbers, each with what it is of", () => {
    const page = pageOf({
      bpd: measured(3.5),
      bound: measured(3.75, { repeats: 4, standardError: 0.0625 }),
      loss: measured(0.25),
      quality: { fid: 2.345 },
      split: "train",
    });
    expect(tiles(page)).toEqual([
      "|probability flow ODE|3.500 |+- 0.125|bits/dim, 1,234 train images|",
      "|variational bound|3.750 |+- 0.063|bits/dim, 1,234 train images, 4 passes|",
      "|loss|0.250 |+- 0.125|in the training's weighting, train images|",
      "|FID|2.35|of the samples|",
    ]);
    expect(page.match(/<section class="own">/g)).toHaveLength(2);
  });

  it("stands among published numbers in words, by the likelihood alone", () => {
    const anchors = [
      { name: "B", bpd: 3 },
      { name: "A", bpd: 2 },
      { name: "F", fid: 1 },
    ];
    const own = (bpd: number) => ({ bpd: measured(bpd), dequantizations: { uniform: { bpd: measured(bpd) } } });
    const standing = (bpd: number) => /(Fewer bits than|More bits than|Between).*? (?=Fewer bits are)/.exec(pageOf({ ...own(bpd), anchors }))?.[0].trim(); // prettier-ignore
    expect(standing(1.5)).toBe("Fewer bits than all of them: A (2.00) is next.");
    expect(standing(2)).toBe("Fewer bits than all of them: A (2.00) is next.");
    expect(standing(2.5)).toBe("Between A (2.00) and B (3.00).");
    expect(standing(3)).toBe("Between A (2.00) and B (3.00).");
    expect(standing(3.5)).toBe("More bits than all of them: B (3.00) is next.");
    expect(pageOf({ ...own(3), anchors: [] })).toContain(
      "The bars are two standard errors over the images to each side.",
    );
    expect(pageOf({ ...own(3), anchors: [] })).not.toContain("Beside published numbers");
  });

  it("has the histogram's mean from the likelihood, or from the images themselves", () => {
    expect(pageOf({ perImage: [1, 2, 6], bpd: measured(2.5) })).toContain("mean 2.500");
    expect(pageOf({ perImage: [1, 2, 6] })).toContain("mean 3.000");
    expect(pageOf({ perImage: [1, 2, 6] })).toContain("By the ODE, 3 images.");
  });
});

describe("tables", () => {
  it("have their heads, their rows and their style", () => {
    expect(table(["", "a<"], [{ name: "<n>", cells: ["1", "<2>"] }, { name: "own", cells: [], own: true }], "numbers")).toBe(
      '<div class="wide" tabindex="0" role="group" aria-label="table"><table class="numbers"><thead><tr><td></td><th scope="col">a&lt;</th></tr></thead><tbody>\n' +
        '<tr><th scope="row">&lt;n&gt;</th><td>1</td><td>&lt;2&gt;</td></tr>\n' +
        '<tr class="own"><th scope="row">own</th></tr></tbody></table></div>',
    ); // prettier-ignore
    expect(table([], [])).toBe(
      '<div class="wide" tabindex="0" role="group" aria-label="table"><table class=""><tbody>\n</tbody></table></div>',
    );
  });

  it("tell errors, images, passes and evaluations of each number", () => {
    const evaluations = { mean: 98.44, min: 92, max: 116 };
    const bpd = measured(3.51234, { repeatStandardError: 0.00625, repeats: 5, evaluations });
    const both = { uniform: { bpd }, variational: { bound: measured(3.25) } };
    const cells = (over: Partial<Report>) =>
      [...precisionTable({ ...plain, ...over }).matchAll(/<th scope="row">(.*?)<\/tr>/g)].map(([, row]) =>
        row!.replace(/<[^>]+>/g, "|").replace(/\|+/g, "|"),
      );
    expect(cells({ dequantizations: both, loss: measured(0.5) })).toEqual([
      "probability flow ODE, uniform dequantization|3.5123|0.1250|0.0063|1234|5|98.4 (92 to 116)|",
      "variational bound, variational dequantization|3.2500|0.1250|–|1234|1|–|",
      "training loss, without dropout|0.5000|0.1250|–|1234|1|–|",
    ]);
    expect(cells({ dequantizations: { uniform: { bpd: measured(1) } } })).toEqual([
      "probability flow ODE|1.0000|0.1250|–|1234|1|–|",
    ]);
    expect(cells({})).toEqual([]);
  });

  it("tell the quality of samples as far as it was measured, and the settings", () => {
    const rows = (html: string) => [...html.matchAll(/<th scope="row">(.*?)<\/th><td>(.*?)<\/td>/g)].map(([, a, b]) => [a, b]); // prettier-ignore
    expect(rows(qualitySection({ fid: 0, kid: 0.01236, inceptionScore: 9.876 }))).toEqual([
      ["FID, lower is better", "0.00"],
      ["KID, lower is better", "0.0124"],
      ["Inception score, higher is better", "9.88"],
    ]);
    expect(qualitySection()).toBe("");
    expect(qualitySection({ note: "why" })).toBe('<section><h2>Quality of the samples</h2>\n<p class="quiet">why</p>\n</section>'); // prettier-ignore
    const run = runSection({ ...plain, run: { engine: "a<b", steps: 3 } });
    expect(rows(run)).toEqual([["engine", "a&lt;b"], ["steps", "3"]]); // prettier-ignore
    expect(run).toContain("<pre>{\n  &quot;seed&quot;: 7\n}</pre>");
  });
});

describe("the images of a report", () => {
  const length = 35;
  const images = Uint8Array.from({ length }, (_, i) => i);
  const data = loadedImages({ name: "tiny", split: "test", shape: [1, 1, 1], images });
  const shownOf = async (count: number) => {
    const perImage = Array.from({ length: count }, (_, i) => ((7 * i) % 35) / 4);
    const folder = temporaryFolder();
    const report = { ...plain, perImage };
    const page = await writeReport(report, { folder, data, samples: "none.png" });
    expect(readReport(folder)).toEqual(report);
    const html = readFileSync(page, "utf8");
    return [...html.matchAll(/alt="test image (\d+), ([\d.]+) bits/g)].map(([, index]) => Number(index));
  };

  it("are the 16 most and the 16 least likely, the extremes first, and none at both ends but the middle one", async () => {
    const five = ranking([4, 2, 4.5, 1, 3]);
    expect(five).toEqual([3, 1, 4, 0, 2]);
    const all = await shownOf(33);
    expect(all).toHaveLength(32);
    expect(new Set(all).size).toBe(32);
    expect(await shownOf(1)).toEqual([0, 0]);
    // 0, 1.75, 3.5, 5.25 bits/dim.
    expect(await shownOf(4)).toEqual([0, 1, 3, 2]);
    expect(await shownOf(3)).toEqual([0, 1, 2, 1]);
  });
});
