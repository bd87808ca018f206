import { decode } from "fast-png";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadedImages } from "../../../src/data/dataset.ts";
import { histogram, histogramFigure } from "../../../src/monitor/report/report-figures.ts";
import { digitsOf, scale } from "../../../src/monitor/report/report-html-parts.ts";
import { reportHtml } from "../../../src/monitor/report/report-html.ts";
import type { Report } from "../../../src/monitor/report/report.ts";
import { writeReport } from "../../../src/monitor/report/write-report.ts";
import { ranking } from "../../../src/monitor/report/write-report.ts";
import { temporaryFolder } from "../fixture.ts";

const measured = (mean: number) => ({ mean, standardError: 0.125, images: 3, repeats: 1 });
const counted = {
  ...measured(3.5),
  ...{ repeats: 5, repeatStandardError: 0.0625, evaluations: { mean: 98.4, min: 92, max: 116 } },
};
const report: Report = {
  run: { pipeline: "cifar<10>", preset: "quick", steps: 7 },
  split: "test",
  bpd: counted,
  bound: measured(3.75),
  dequantizations: { uniform: { bpd: counted, bound: measured(3.75) } },
  loss: measured(0.25),
  perImage: [4, 2, 4.5],
  anchors: [
    { name: "FLIF", bpd: 4.19 },
    { name: "ScoreFlow", bpd: 2.83 },
  ],
  config: { seed: 1 },
};
const png = Uint8Array.of(1, 2, 3);
const shown = [{ png, index: 5, bpd: 2.125 }];
const pictures = { mostLikely: shown, leastLikely: shown };
/** Rows of tables as text. */
const rows = (html: string) =>
  [...html.matchAll(/<tr[^>]*>(.*?)<\/tr>/g)].map(([, row]) =>
    row!
      .replace(/<\/t[dh]>/g, "|")
      .replace(/<[^>]+>/g, "")
      .replaceAll("&plusmn;", "+-"),
  );

describe("the page", () => {
  it("has own and published numbers, the best first", () => {
    const page = reportHtml(report, pictures);
    expect(rows(page).slice(1, 5)).toEqual([
      "ScoreFlow||2.83|",
      "this model, probability flow ODE||3.500 +- 0.125|",
      "this model, variational bound||3.750 +- 0.125|",
      "FLIF||4.19|",
    ]);
    const kinds = { bpd: "importance-weighted, K = 20", bound: "bound" };
    expect(rows(reportHtml({ ...report, kinds }, pictures)).slice(2, 4)).toEqual([
      "this model, importance-weighted, K = 20||3.500 +- 0.125|",
      "this model, variational bound||3.750 +- 0.125|",
    ]);
    // On one scale: marks from 2.5 to 4.5, so that 3.5 is in the middle.
    expect(page).toContain('<i style="left:50.00%"></i></div></td><td class="value">3.500');
    expect(page).toContain('<s style="left:50.00%;width:25.00%"></s>');
    expect(page).toContain(">Between ScoreFlow (2.83) and FLIF (4.19). Fewer bits are better.");
    const only = (bpd: number) => reportHtml({ ...report, anchors: [{ name: "A", bpd }] }, pictures);
    expect(only(9)).toContain("Fewer bits than all of them: A (9.00) is next.");
    expect(only(1)).toContain("More bits than all of them: A (1.00) is next.");
  });

  it("has the settings of own and published numbers, their sources, and marks the same settings", () => {
    const settings = { network: "DDPM++", sde: "vp", weighting: "original", dequantization: "uniform" } as const;
    const anchors = [
      { name: "FLIF", bpd: 4.19 },
      { name: "A <b>", bpd: 3.16, fid: 3.93, settings, source: "A & B, Table 2", same: true },
      { name: "C", bound: 2.9, settings: { sde: "subvp" } as const, source: "D" },
    ];
    const page = reportHtml({ ...report, settings, quality: { fid: 12.345 }, anchors }, pictures);
    const found = rows(page);
    expect(found).toContain("this model|DDPM++|VP|none|uniform|3.500|3.750|–|12.35|");
    expect(found).toContain("A &lt;b&gt; [1] ◀ as this run|DDPM++|VP|none|uniform|3.16|–|–|3.93|");
    expect(found).toContain("C [2]||sub-VP|||–|2.90|–|–|");
    expect(page).toContain('<li value="1">A &amp; B, Table 2</li><li value="2">D</li>');
    expect(page).toContain("The row of this run's settings is marked.");
    // Only bits/dim are on the scale.
    expect(found).toContain("A &lt;b&gt;, DDPM++, VP||3.16|");
    expect(found.filter((row) => row.startsWith("C"))).toHaveLength(1);
    expect(reportHtml(report, pictures)).not.toContain("With which settings");
  });

  it("has both errors, the loss, and the evaluations of the network", () => {
    const found = rows(reportHtml(report, pictures));
    expect(found).toContain("probability flow ODE|3.5000|0.1250|0.0625|3|5|98.4 (92 to 116)|");
    expect(found).toContain("training loss, without dropout|0.2500|0.1250|–|3|1|–|");
  });

  it("tells dequantizations apart, and splits", () => {
    const both = { ...report, dequantizations: { ...report.dequantizations, variational: { bpd: measured(3.25) } } };
    const found = rows(reportHtml({ ...both, split: "train" }, pictures));
    expect(found[0]).toContain("bits/dim on train images");
    expect(found).toContain("this model, probability flow ODE, variational dequantization||3.250 +- 0.125|");
    expect(found).toContain("this model, probability flow ODE, uniform dequantization||3.500 +- 0.125|");
    expect(found).toContain("FLIF, test images||4.19|");
  });

  it("shows the samples' quality where there is any, and why there is none", () => {
    expect(reportHtml(report, pictures)).not.toContain("Quality of the samples");
    const quality = { fid: 12.345, kid: 0.01234, inceptionScore: 7.891, note: "on 9 <samples>" };
    const page = reportHtml({ ...report, quality }, pictures);
    expect(rows(page)).toEqual(
      expect.arrayContaining(["FID, lower is better|12.35|", "Inception score, higher is better|7.89|"]),
    );
    expect(page).toContain(">on 9 &lt;samples&gt;</p>");
    const none = reportHtml({ ...report, quality: { note: "no network" } }, pictures);
    expect(none).toContain(">no network</p>");
    expect(none).not.toContain("FID, lower");
  });

  it("escapes text and asks for nothing from outside", () => {
    const page = reportHtml(report, { ...pictures, samples: png });
    expect(page).toContain("cifar&lt;10&gt;");
    expect(page).not.toMatch(/(src|href)="(?!data:)/);
  });
});

describe("writeReport", () => {
  it("writes both files and ranks the images", async () => {
    const folder = join(temporaryFolder(), "eval");
    const images = Uint8Array.from({ length: 3 * 4 }, (_, i) => 10 * Math.floor(i / 4));
    const data = loadedImages({ name: "tiny", split: "test", shape: [2, 2, 1], images });
    const samples = join(temporaryFolder(), "samples.png");
    writeFileSync(samples, png);
    const page = await writeReport(report, { folder, data, samples });
    expect(page).toBe(join(folder, "report.html"));
    expect(JSON.parse(readFileSync(join(folder, "report.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(report)));
    const html = readFileSync(page, "utf8");
    const pictures = [...html.matchAll(/alt="([^"]*)" src="data:image\/png;base64,([^"]*)"/g)];
    expect(pictures.map(([, alt]) => alt)).toEqual([
      ...["samples", "test image 1, 2.00 bits/dim", "test image 0, 4.00 bits/dim"],
      ...["test image 2, 4.50 bits/dim", "test image 0, 4.00 bits/dim"],
    ]);
    const [first] = pictures.slice(1).map(([, , text]) => decode(Buffer.from(text!, "base64")));
    expect([first!.width, first!.height, first!.data[0]]).toEqual([2, 2, 10]);
    // The best, at place 1, is image 2 of the data.
    await writeReport(report, { folder, data, order: [1, 2, 0] });
    const [, alt, text] = /alt="(test[^"]*)" src="data:image\/png;base64,([^"]*)"/.exec(readFileSync(page, "utf8"))!;
    expect([alt, decode(Buffer.from(text!, "base64")).data[0]]).toEqual(["test image 2, 2.00 bits/dim", 20]);
  });

  it("is one of samples alone where nothing was evaluated", () => {
    const { bpd, bound, loss, ...rest } = report;
    expect([bpd, bound, loss]).not.toContain(undefined);
    const page = reportHtml(
      { ...rest, dequantizations: { uniform: {} }, perImage: [], samples: "4 by <pc>." },
      { mostLikely: [], leastLikely: [], samples: png },
    );
    expect(page).toContain("--mode eval does it");
    expect(page).toContain("4 by &lt;pc&gt;.");
    expect(page).not.toContain("ikely test images");
    expect(page).not.toContain("NaN");
  });

  it("orders and counts", () => {
    expect(ranking([4, 2, 4.5])).toEqual([1, 0, 2]);
    // Bins of a round width: 0.05 from 0 to 2.
    const { first, step, counts } = histogram([0, 1, 1.01, 2]);
    expect([first, step, counts.length]).toEqual([0, 0.05, 40]);
    expect(counts.flatMap((n, i) => (n ? [[i, n]] : []))).toEqual([[0, 1], [20, 2], [39, 1]]); // prettier-ignore
    expect(histogram([3.2, 3.2]).counts.reduce((a, b) => a + b)).toBe(2);
  });

  it("marks scales at round numbers", () => {
    expect(scale(2.65, 5.89, 5)).toEqual({ first: 2, step: 1, steps: 4 });
    expect(scale(3.7, 3.9, 5).step).toBeCloseTo(0.05, 12);
    expect([1, 0.5, 0.05, 0.1, 20].map(digitsOf)).toEqual([0, 1, 2, 1, 0]);
    expect(histogramFigure([3.2], 3.2)).toContain("mean 3.200");
  });
});
