/** Writes and reads the report of an evaluation. */
import { readJson } from "../../base/read-json.ts";
import { join } from "node:path";
import type { ImageDataset } from "../../data/dataset.ts";
import { pngGrid } from "../../data/formats/png-grid.ts";
import type { Shown } from "./report-figures.ts";
import type { Report } from "./report.ts";
import { mkdirSync, existsSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { reportHtml } from "./report-html.ts";

/** Images shown at each end of the ranking. */
const SHOWN = 16;

/** Indices by bits/dim, most likely first; what is not a number comes last. */
export function ranking(perImage: readonly number[]): number[] {
  const keys = perImage.map((value) => (Number.isNaN(value) ? Infinity : value));
  return keys.map((_, i) => i).sort((a, b) => (keys[a] === keys[b] ? 0 : keys[a]! - keys[b]!));
}

/** Images with their bits/dim; `order` has the index of each place of `perImage` in the data. */
const shown = (
  data: ImageDataset,
  perImage: readonly number[],
  order: ArrayLike<number> | undefined,
  places: readonly number[],
): Shown[] =>
  places.map((place) => {
    const index = order?.[place] ?? place;
    return { png: pngGrid(data.gather([index]), data.shape, { padding: 0 }), index, bpd: perImage[place]! };
  });

export interface ReportFiles {
  /** Made when missing. */
  readonly folder: string;
  /** The images that were evaluated, or more. */
  readonly data: ImageDataset;
  /** Index in the data of each value of the report's `perImage`; absent: one after another. */
  readonly order?: ArrayLike<number> | undefined;
  /** PNG grid of samples; left out when there is none. */
  readonly samples?: string | undefined;
}

/** The report in `folder`; undefined where there is none, or it is damaged. JSON has null for NaN. */
export const readReport = (folder: string): Report | undefined =>
  readJson<Report>(join(folder, "report.json"), (_, value: unknown) => value ?? NaN);
/** Writes both files, each whole or not at all. @returns The path of the page. */
export async function writeReport(report: Report, { folder, data, order, samples }: ReportFiles): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const json = join(folder, "report.json");
  const html = join(folder, "report.html");
  const text = new TextEncoder();
  await writeFileAtomic(json, [text.encode(`${JSON.stringify(report, undefined, 2)}\n`)]);
  const { perImage } = report;
  const ranked = ranking(perImage);
  // No image at both ends.
  const count = Math.min(SHOWN, Math.ceil(ranked.length / 2));
  const pictures = {
    mostLikely: shown(data, perImage, order, ranked.slice(0, count)),
    leastLikely: shown(data, perImage, order, ranked.slice(-count).reverse()),
    ...(samples && existsSync(samples) && { samples: readFileSync(samples) }),
  };
  await writeFileAtomic(html, [text.encode(reportHtml(report, pictures))]);
  return html;
}
