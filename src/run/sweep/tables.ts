/** The results of a sweep as files: `sweep.arrow` with a row a run, `sweep.md` and `sweep.html` with means over seeds. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { withError } from "../../base/format.ts";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { rowTable } from "../../data/formats/row-table.ts";
import { escape, section } from "../../monitor/report/report-html-parts.ts";
import { STYLE } from "../../monitor/report/report-style.ts";
import { MEASURES, rowsOf, summaryOf, type Mean, type SweepRow, type SweepMeasure } from "./results.ts";
import type { CellResult } from "./run-cells.ts";

const NAMES: Readonly<Record<SweepMeasure, string>> = {
  bpd: "bits/dim (ODE)",
  bound: "bound, bits/dim",
  evalLoss: "loss, held out",
  loss: "loss, training",
  fid: "FID",
};

const NOTE =
  "Means with the standard error over seeds. Differences are to the first row, paired by seed; below -2 or above 2 " +
  "standard errors they are unlikely to be chance.";

const meanText = (mean: Mean | undefined) => (mean ? withError(mean.mean, mean.standardError) : "");
const signed = (mean: Mean | undefined) => (mean && mean.mean > 0 ? "+" : "") + meanText(mean);

/** The table's head and its rows, as text. */
function grid(rows: readonly SweepRow[]): { readonly head: readonly string[]; readonly body: readonly string[][] } {
  const fields = Object.keys(rows[0]?.values ?? {});
  const shown = MEASURES.filter((measure) => rows.some(({ measures }) => measures[measure]));
  const compared = rows.length > 1 ? shown.filter((measure) => measure === "bpd" || measure === "bound") : [];
  const state = ({ results }: SweepRow) => {
    const failed = results.filter(({ exitCode }) => exitCode !== 0).length;
    return failed ? `${results.length - failed} of ${results.length}` : String(results.length);
  };
  return {
    head: [...fields, "runs", ...shown.map((measure) => NAMES[measure]), ...compared.map((key) => `Δ ${NAMES[key]}`)],
    body: rows.map((row) => [
      ...fields.map((field) => row.values[field]!),
      state(row),
      ...shown.map((measure) => meanText(row.measures[measure])),
      ...compared.map((measure) => signed(row.differences[measure])),
    ]),
  };
}

/** Runs that failed, each with the reason. */
const failures = (results: readonly CellResult[]) =>
  results.flatMap((result) => {
    const { error, stoppedBy } = summaryOf(result);
    const why = error ?? (stoppedBy ? `stopped by ${stoppedBy}` : `exit code ${result.exitCode}`);
    return result.exitCode === 0 ? [] : [{ name: result.cell.name, why }];
  });

const cellText = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** The table in Markdown. */
export function sweepMarkdown(title: string, results: readonly CellResult[]): string {
  const { head, body } = grid(rowsOf(results));
  const line = (cells: readonly string[]) => `| ${cells.map(cellText).join(" | ")} |`;
  const failed = failures(results).map(({ name, why }) => `- ${name}: ${cellText(why)}`);
  const parts = [`# ${title}`, [head, head.map(() => "---"), ...body].map(line).join("\n"), NOTE];
  return `${[...parts, ...(failed.length ? ["Failed:", failed.join("\n")] : [])].join("\n\n")}\n`;
}

/** The table as a page that needs nothing else. */
export function sweepHtml(title: string, results: readonly CellResult[]): string {
  const { head, body } = grid(rowsOf(results));
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  const table = `<div class="wide"><table><thead>${row("th", head)}</thead><tbody>${body.map((cells) => row("td", cells)).join("\n")}</tbody></table></div>`;
  const failed = failures(results).map(({ name, why }) => `<li>${escape(`${name}: ${why}`)}</li>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>ScoreStream: ${escape(title)}</title><style>${STYLE}</style></head><body><main>
<header><p class="kicker">ScoreStream sweep</p><h1>${escape(title)}</h1></header>
${section("Results", table, NOTE)}
${failed.length ? section("Failed runs", `<ul>${failed.join("\n")}</ul>`) : ""}
</main></body></html>
`;
}

/** One row a run: its name, its settings, its exit code, and the numbers of its summary. */
function arrowFile(results: readonly CellResult[]): Uint8Array {
  const fields = Object.keys(results[0]?.cell.values ?? {});
  const numbers = [...MEASURES, "seconds" as const];
  return rowTable({
    run: results.map(({ cell }) => cell.name),
    ...Object.fromEntries(fields.map((field) => [field, results.map(({ cell }) => cell.values[field]!)])),
    exitCode: results.map(({ exitCode }) => exitCode),
    ...Object.fromEntries(numbers.map((key) => [key, results.map((result) => summaryOf(result)[key] ?? null)])),
  });
}

/**
 * Writes `sweep.arrow`, `sweep.md` and `sweep.html` into `folder`.
 *
 * @returns The path of the page.
 */
export async function writeSweepTables(folder: string, title: string, results: readonly CellResult[]): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: Uint8Array) => writeFileAtomic(join(folder, name), [content]);
  await write("sweep.arrow", arrowFile(results));
  await write("sweep.md", Buffer.from(sweepMarkdown(title, results)));
  const page = join(folder, "sweep.html");
  await write("sweep.html", Buffer.from(sweepHtml(title, results)));
  return page;
}
