/** The report of an evaluation: `report.json` for programs, `report.html` for people. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { imagesAt, type ImageDataset } from "../../data/dataset.ts";
import { pngGrid } from "../../data/formats/png-grid.ts";
import { readJson } from "../../base/read-json.ts";
import type { Shown } from "./report-figures.ts";
import { reportHtml } from "./report-html.ts";
import type { Measured } from "../../metrics/statistics.ts";

/** What results are told apart by. */
export interface AnchorSettings {
  /** "DDPM++", or what it has. */
  readonly network?: string;
  readonly sde?: "vp" | "subvp" | "ve";
  /** Of the training loss. */
  readonly weighting?: "original" | "likelihood" | "importance";
  readonly dequantization?: "uniform" | "variational";
}

/** Published numbers to hold one's own against. */
export interface Anchor {
  readonly name: string;
  /** Bits/dim on the test set. */
  readonly bpd?: number;
  /** Variational bound on them. */
  readonly bound?: number;
  readonly fid?: number;
  /** As far as the source says. */
  readonly settings?: AnchorSettings;
  /** Where the numbers are from. */
  readonly source?: string;
  /** Whether all settings are those of the run. */
  readonly same?: boolean;
}

/** Bits/dim by one kind of dequantization. */
export interface Likelihoods {
  /** By the probability flow ODE. */
  readonly bpd?: Measured | undefined;
  readonly bound?: Measured | undefined;
}

/** How good the samples are, as far as it was measured. */
export interface Quality {
  readonly fid?: number;
  readonly kid?: number;
  readonly inceptionScore?: number;
  /** On what they were measured. */
  readonly note?: string;
}

export interface Report extends Likelihoods {
  /** What was run: pipeline, preset, SHA-256 of the averaged parameters, engine, versions. */
  readonly run: Readonly<Record<string, string | number>>;
  /** The run's own settings, beside those of the anchors. */
  readonly settings?: AnchorSettings | undefined;
  /** Which images were evaluated. */
  readonly split: "test" | "train";
  /** Every kind of dequantization that these parameters were evaluated with; `bpd` and `bound` are the run's own. */
  readonly dequantizations: { readonly uniform?: Likelihoods; readonly variational?: Likelihoods };
  /** The training loss, in its own weighting. */
  readonly loss?: Measured | undefined;
  readonly quality?: Quality | undefined;
  /** How the samples were drawn, as far as it is known. */
  readonly samples?: string | undefined;
  /** Bits/dim of each image by the ODE, [N]. */
  readonly perImage: readonly number[];
  readonly anchors: readonly Anchor[];
  readonly config: unknown;
}

/** Images shown at each end of the ranking. */
const SHOWN = 16;

/** Indices by bits/dim, most likely first. */
export function ranking(perImage: readonly number[]): number[] {
  return perImage.map((_, i) => i).sort((a, b) => perImage[a]! - perImage[b]!);
}

/** Images with their bits/dim. */
const shown = (data: ImageDataset, perImage: readonly number[], indices: readonly number[]): Shown[] =>
  indices.map((index) => ({
    png: pngGrid(imagesAt(data, [index]), data.shape, { padding: 0 }),
    index,
    bpd: perImage[index]!,
  }));

export interface ReportFiles {
  /** Made when missing. */
  readonly folder: string;
  /** The images that were evaluated, in their order. */
  readonly data: ImageDataset;
  /** PNG grid of samples; left out when there is none. */
  readonly samples?: string | undefined;
}

/** The report in `folder`; undefined where there is none, or it is damaged. */
export const readReport = (folder: string): Report | undefined => readJson<Report>(join(folder, "report.json"));

/** Writes both files, each whole or not at all. @returns The path of the page. */
export async function writeReport(report: Report, { folder, data, samples }: ReportFiles): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const json = join(folder, "report.json");
  const html = join(folder, "report.html");
  const text = new TextEncoder();
  await writeFileAtomic(json, [text.encode(`${JSON.stringify(report, undefined, 2)}\n`)]);
  const { perImage } = report;
  const order = ranking(perImage);
  // No image at both ends.
  const count = Math.min(SHOWN, Math.ceil(order.length / 2));
  const pictures = {
    mostLikely: shown(data, perImage, order.slice(0, count)),
    leastLikely: shown(data, perImage, order.slice(-count).reverse()),
    ...(samples && existsSync(samples) && { samples: readFileSync(samples) }),
  };
  await writeFileAtomic(html, [text.encode(reportHtml(report, pictures))]);
  return html;
}
