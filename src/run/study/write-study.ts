/** Writes what a study has come to: `NAME.html`, `NAME.md`, `NAME.arrow`, and its figures as SVG and PNG. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { SEED } from "./grid.ts";
import { studyFigures } from "./figures.ts";
import { rowLabel } from "./labels.ts";
import { studyArrow, studyMarkdown } from "./markdown.ts";
import { studyHtml, type StudySamples } from "./page.ts";
import type { StudyResults } from "./results.ts";

/** Pixels of a PNG file for each unit of its SVG. */
const DENSITY = 2;
/** Dots an inch that SVG units are. */
const UNITS = 72;

/** The PNG file of an SVG picture. */
export const svgToPng = (svg: string): Promise<Buffer> =>
  sharp(Buffer.from(svg), { density: DENSITY * UNITS })
    .png()
    .toBuffer();

/** The first seed's sample grids, of trainings that have ended. The folder may have been moved since. */
function samplesOf({ plan, results }: StudyResults, folder: string): StudySamples[] {
  return results.flatMap(({ cell, runs }) => {
    const { [SEED]: seed, ...values } = cell.values;
    const told = runs.findLast(({ samples }) => samples !== undefined)?.samples;
    if (seed !== plan.grid[SEED]![0] || !told?.endsWith(".png")) return [];
    const path = [join(folder, cell.name, "samples", basename(told)), told].find((one) => existsSync(one));
    if (path === undefined) return [];
    return [{ name: rowLabel(plan.study, values), png: readFileSync(path) }];
  });
}

/**
 * Writes the files into the study's folder.
 *
 * @param name Their name without ending.
 * @returns The path of the page.
 */
export async function writeStudy(
  results: StudyResults,
  { folder, preset, name }: { readonly folder: string; readonly preset: string; readonly name: string },
): Promise<string> {
  const figures = studyFigures(results);
  mkdirSync(join(folder, "figures"), { recursive: true });
  const write = (file: string, content: Uint8Array) => writeFileAtomic(join(folder, file), [content]);
  for (const { name: figure, svg } of figures) {
    await write(join("figures", `${figure}.svg`), Buffer.from(svg));
    await write(join("figures", `${figure}.png`), await svgToPng(svg));
  }
  await write(`${name}.arrow`, studyArrow(results));
  await write(`${name}.md`, Buffer.from(studyMarkdown(results)));
  const page = `${name}.html`;
  await write(page, Buffer.from(studyHtml(results, preset, figures, samplesOf(results, folder))));
  return join(folder, page);
}
