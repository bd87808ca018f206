/** A study's page: one file without outside requests. */
import { escape, image, section } from "../../monitor/report/report-html-parts.ts";
import { publishedTable } from "../../monitor/report/report-published.ts";
import { STYLE } from "../../monitor/report/report-style.ts";
import { table } from "../../monitor/report/report-tables.ts";
import type { Figure } from "./figures.ts";
import { failedCells, rowLabel } from "./labels.ts";
import { variance } from "./loss-variance.ts";
import type { StudyResults } from "./results.ts";
import { claimsTable, contextsTable, NOTES, resultsTable, type TextTable } from "./table-parts.ts";

/** Samples of a cell, as a PNG file. */
export interface StudySamples {
  readonly name: string;
  readonly png: Uint8Array;
}

const htmlTable = ({ head, body }: TextTable) =>
  table(
    head,
    body.map(([name, ...cells]) => ({ name: name!, cells })),
  );

const pictures = (figures: readonly Figure[]) =>
  `<div class="pair">${figures.map(({ svg }) => `<figure>${svg}</figure>`).join("\n")}</div>`;

function lossTable({ plan, losses }: StudyResults): string {
  const rows = losses.map(({ values, seed, losses: { uniform, likelihood } }) => {
    const [without, withIt] = [variance(uniform.losses), variance(likelihood.losses)];
    return {
      name: rowLabel(plan.study, values),
      cells: [seed, without.toPrecision(3), withIt.toPrecision(3), (without / withIt).toPrecision(3)],
    };
  });
  return table(["model", "seed", "variance, uniform times", "with importance sampling", "ratio"], rows, "numbers");
}

const LOSS_NOTE =
  "Each loss estimates the same integral for one image, at one time with one noise. Both columns are of one and the same model; only the density of the times differs.";
const SAMPLES_NOTE = "By the probability flow ODE of the first seed, all from the same noise.";

/** The page as text. */
export function studyHtml(
  results: StudyResults,
  preset: string,
  figures: readonly Figure[],
  samples: readonly StudySamples[],
): string {
  const { plan, claims } = results;
  const { title, source, published } = plan.study;
  const named = (...names: string[]) => figures.filter(({ name }) => names.some((start) => name.startsWith(start)));
  const failed = failedCells(results.results).map(({ name, why }) => `<li>${escape(`${name}: ${why}`)}</li>`);
  const counts = Object.entries(plan.grid).map(([axis, values]) => `${axis}: ${values.join(", ")}`);
  const tiles = claims.map(
    ({ claim, verdict }) =>
      `<section><span class="quiet">${escape(claim.says)}</span><b class="verdict">${escape(verdict)}</b></section>`,
  );
  const grid = samples.map(({ name, png }) => `<figure>${image(png, `samples, ${name}`, "grid")}<figcaption>${escape(name)}</figcaption></figure>`); // prettier-ignore
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>ScoreStream: ${escape(title)}</title><style>${STYLE}
.tiles b.verdict { font-size: 1.3rem; } .studied { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .75rem; }
.studied img.grid { width: 100%; } .pair figure { flex: 0 1 auto; margin-top: .6rem; }
</style></head><body><main>
<header><p class="kicker">ScoreStream study, preset ${escape(preset)}</p><h1>${escape(title)}</h1>
<p class="quiet">Claims of ${escape(source)}. ${plan.steps.toLocaleString("en")} steps; ${escape(counts.join("; "))}.</p></header>
<div class="tiles">${tiles.join("\n")}</div>
${section("Results", htmlTable(resultsTable(results)) + pictures(named("bits")), NOTES.results)}
${section("Claims", htmlTable(claimsTable(results)) + pictures(named("claims")) + `<details><summary>every comparison</summary>${htmlTable(contextsTable(results))}</details>`, NOTES.claims)}
${named("steps").length ? section("Bits/dim against steps", pictures(named("steps")), "Means over seeds; bars are two standard errors. Looks before the end may be of fewer images.") : ""}
${results.losses.length ? section("Variance of the loss", lossTable(results) + pictures(named("loss")), LOSS_NOTE) : ""}
${grid.length ? section("Samples", `<div class="studied">${grid.join("\n")}</div>`, SAMPLES_NOTE) : ""}
${section("Published", publishedTable(published), "Rows in the repository, with their sources. Blank where a source does not say.")}
${failed.length ? section("Failed cells", `<ul>${failed.join("\n")}</ul>`) : ""}
</main></body></html>
`;
}
