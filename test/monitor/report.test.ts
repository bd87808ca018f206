import { decode } from "fast-png";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ImageDataset } from "../../src/data/dataset.ts";
import { histogram, reportHtml } from "../../src/monitor/report-html.ts";
import { ranking, writeReport, type Report } from "../../src/monitor/report.ts";
import { temporaryFolder } from "./fixture.ts";

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
const pictures = { mostLikely: png, leastLikely: png };
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
    expect(rows(reportHtml(report, pictures)).slice(0, 5)).toEqual([
      "model|bits/dim on test images|",
      "ScoreFlow|2.83|",
      "this model, probability flow ODE|3.500 +- 0.125 (3 images)|",
      "this model, variational bound|3.750 +- 0.125 (3 images)|",
      "FLIF|4.19|",
    ]);
  });

  it("has both errors, the loss, and the evaluations of the network", () => {
    const found = rows(reportHtml(report, pictures));
    expect(found).toContain("this model, probability flow ODE|3.5000|0.1250|0.0625|5|98.4 (92 to 116)|");
    expect(found).toContain("training loss, without dropout|0.2500|0.1250||1||");
  });

  it("tells dequantizations apart, and splits", () => {
    const both = { ...report, dequantizations: { ...report.dequantizations, variational: { bpd: measured(3.25) } } };
    const found = rows(reportHtml({ ...both, split: "train" }, pictures));
    expect(found[0]).toContain("bits/dim on train images");
    expect(found).toContain("this model, probability flow ODE, variational dequantization|3.250 +- 0.125 (3 images)|");
    expect(found).toContain("this model, probability flow ODE, uniform dequantization|3.500 +- 0.125 (3 images)|");
    expect(found).toContain("FLIF, test images|4.19|");
  });

  it("shows the samples' quality where there is any, and why there is none", () => {
    expect(reportHtml(report, pictures)).not.toContain("Quality of the samples");
    const quality = { fid: 12.345, kid: 0.01234, inceptionScore: 7.891, note: "on 9 <samples>" };
    const page = reportHtml({ ...report, quality }, pictures);
    expect(rows(page)).toEqual(expect.arrayContaining(["FID|12.35|", "KID|0.0123|", "inception score|7.89|"]));
    expect(page).toContain("<p>on 9 &lt;samples&gt;</p>");
    const none = reportHtml({ ...report, quality: { note: "no network" } }, pictures);
    expect(none).toContain("<p>no network</p>");
    expect(none).not.toContain(">measure<");
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
    const labels = new Uint8Array(3);
    const data: ImageDataset = { name: "tiny", split: "test", length: 3, shape: [2, 2, 1], images, labels };
    const samples = join(temporaryFolder(), "samples.png");
    writeFileSync(samples, png);
    const page = await writeReport(report, { folder, data, samples });
    expect(page).toBe(join(folder, "report.html"));
    expect(JSON.parse(readFileSync(join(folder, "report.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(report)));
    const html = readFileSync(page, "utf8");
    const shown = [...html.matchAll(/alt="([^"]*)" src="data:image\/png;base64,([^"]*)"/g)];
    expect(shown.map(([, alt]) => alt)).toEqual(["most likely test images", "least likely test images", "samples"]);
    const strip = decode(Buffer.from(shown[0]![2]!, "base64"));
    expect([0, 1, 2].map((i) => strip.data[2 * strip.width + 2 + 4 * i])).toEqual([10, 0, 20]);
  });

  it("orders and counts", () => {
    expect(ranking([4, 2, 4.5])).toEqual([1, 0, 2]);
    expect(histogram([0, 1, 1, 2], 2)).toEqual({ low: 0, high: 2, counts: [1, 3] });
    expect(histogram([1, 1], 3).counts).toEqual([2, 0, 0]);
  });
});
