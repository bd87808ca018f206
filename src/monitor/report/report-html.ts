/** One page without outside requests. */
import { gallery, histogramFigure, ladder, type Shown } from "./report-figures.ts";
import { escape, image, section } from "./report-html-parts.ts";
import type { Measured } from "../../metrics/statistics.ts";
import { STYLE } from "./report-style.ts";
import { publishedSection, sdeTitle, WEIGHTING } from "./report-published.ts";
import { ownRows, precisionTable, qualitySection, runSection } from "./report-tables.ts";
import type { Report } from "./report.ts";

export interface Pictures {
  readonly mostLikely: readonly Shown[];
  readonly leastLikely: readonly Shown[];
  /** PNG file. */
  readonly samples?: Uint8Array;
}

/** A number to be seen first; `note` is text. */
const tile = (name: string, value: string, note: string, own = false) =>
  `<section${own ? ' class="own"' : ""}><span class="quiet">${escape(name)}</span><b>${value}</b>` +
  `<span class="quiet">${escape(note)}</span></section>`;

const bits = ({ mean, standardError }: Measured) =>
  mean.toFixed(3) + (Number.isFinite(standardError) ? ` <small>&plusmn; ${standardError.toFixed(3)}</small>` : "");

function tiles({ bpd, bound, loss, quality, split }: Report): string {
  const over = ({ images, repeats }: Measured) =>
    `bits/dim, ${images.toLocaleString("en")} ${split} images${repeats > 1 ? `, ${repeats} passes` : ""}`;
  return [
    bpd && tile("probability flow ODE", bits(bpd), over(bpd), true),
    bound && tile("variational bound", bits(bound), over(bound), true),
    loss && tile("loss", bits(loss), `in the training's weighting, ${split} images`),
    quality?.fid !== undefined && tile("FID", quality.fid.toFixed(2), "of the samples"),
  ]
    .filter(Boolean)
    .join("\n");
}

const COMPARED =
  "Fewer bits are better. The bars are two standard errors over the images to each side; published numbers are of " +
  "full-size models, long trained, on all test images.";

/** Describes the likelihood's place among published numbers. */
function standing(mean: number, others: readonly { readonly name: string; readonly bpd: number }[]): string {
  const sorted = [...others].sort((a, b) => a.bpd - b.bpd);
  const text = (at: number) => `${sorted[at]!.name} (${sorted[at]!.bpd.toFixed(2)})`;
  const worse = sorted.findIndex(({ bpd }) => bpd >= mean);
  if (worse === 0) return `Fewer bits than all of them: ${text(0)} is next. `;
  if (worse < 0) return `More bits than all of them: ${text(sorted.length - 1)} is next. `;
  return `Between ${text(worse - 1)} and ${text(worse)}. `;
}

function likelihood(report: Report): string {
  const { split, anchors } = report;
  const own = ownRows(report).map(({ name, value }) => ({ name, bpd: value.mean, own: value }));
  // A value that is not finite has no place on a scale; the table below shows it.
  const placed = own.filter(({ bpd }) => Number.isFinite(bpd));
  if (own.length === 0) {
    return section("Likelihood", "", "Not evaluated for these parameters and settings: --mode eval does it.");
  }
  const others = anchors.flatMap(({ name, bpd: ode, discreteBound, code, settings }) => {
    const bpd = ode ?? discreteBound ?? code;
    const { network, sde, weighting = "original" } = settings ?? {};
    const trained = weighting !== "original" && WEIGHTING[weighting];
    const parts = [name, network, sde && sdeTitle(sde), trained, discreteBound !== undefined && "bound on discrete data", split === "train" && "test images"]; // prettier-ignore
    return bpd === undefined ? [] : [{ name: parts.filter(Boolean).join(", "), bpd }];
  });
  const stands =
    others.length > 0 && report.bpd && Number.isFinite(report.bpd.mean) ? standing(report.bpd.mean, others) : "";
  return [
    section(
      others.length ? "Beside published numbers" : "Likelihood",
      ladder([...placed, ...others], ["", `bits/dim on ${split} images`]),
      others.length ? stands + COMPARED : COMPARED.split(";")[0] + ".",
    ),
    publishedSection(report),
    section(
      "How sure, and at what cost",
      precisionTable(report),
      "± over images: standard error of the mean, from the spread of the images. ± over passes: the error that the " +
        "random numbers make, seen with eval.repeats of 2 or more. Evaluations: of the network, by the ODE solver.",
    ),
  ].join("\n");
}

function images({ split, perImage, bpd }: Report, { mostLikely, leastLikely }: Pictures): string {
  if (perImage.length === 0) return "";
  const finite = perImage.filter(Number.isFinite);
  const mean = finite.length === perImage.length && bpd ? bpd.mean : finite.reduce((a, b) => a + b, 0) / finite.length;
  const left = perImage.length - finite.length;
  const of = `By the ODE, ${perImage.length} images${left > 0 ? `; of ${left} it is not finite` : ""}.`;
  return [
    section("Bits/dim of each image", finite.length > 0 ? histogramFigure(finite, mean) : "", of),
    section(`Most likely ${split} images`, gallery(mostLikely, `${split} image`), "Under each its bits/dim."),
    section(`Least likely ${split} images`, gallery(leastLikely, `${split} image`)),
  ].join("\n");
}

/** The page as text. */
export function reportHtml(report: Report, pictures: Pictures): string {
  const { run } = report;
  const name = escape(run["pipeline"] ?? "evaluation");
  const steps = Number(run["steps"]).toLocaleString("en");
  const about = `preset ${run["preset"]}, ${steps} steps, ${run["dequantization"]} dequantization, seed ${run["seed"]}`;
  const { samples } = pictures;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>ScoreStream: ${name}</title><style>${STYLE}</style></head><body><main>
<header><p class="kicker">ScoreStream evaluation</p><h1>${name}</h1><p class="quiet">${escape(about)}</p></header>
<div class="tiles">${tiles(report)}</div>
${likelihood(report)}
<div class="pair">${samples ? section("Samples", image(samples, "samples", "grid"), report.samples) : ""}
${qualitySection(report.quality)}</div>
${images(report, pictures)}
${runSection(report)}
</main></body></html>
`;
}
