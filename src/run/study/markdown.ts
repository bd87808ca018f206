/** A study's tables as Markdown and as an Arrow file. */
import { rowTable } from "../../data/formats/row-table.ts";
import { failedCells } from "./labels.ts";
import type { StudyResults } from "./results.ts";
import { studyMeasures } from "./rows.ts";
import { claimsTable, contextsTable, NOTES, resultsTable, type TextTable } from "./table-parts.ts";

const cellText = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function table({ head, body }: TextTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cellText).join(" | ")} |`;
  return [head, head.map(() => "---"), ...body].map(line).join("\n");
}

/** The tables in Markdown. */
export function studyMarkdown(results: StudyResults): string {
  const { title, source } = results.plan.study;
  const failed = failedCells(results.results).map(({ name, why }) => `- ${name}: ${cellText(why)}`);
  const parts = [
    ...[`# ${title}`, table(resultsTable(results)), NOTES.results],
    ...["## Claims", `Of ${source}.`, table(claimsTable(results)), NOTES.claims],
    ...["## Comparisons", table(contextsTable(results))],
    ...(failed.length ? ["## Failed", failed.join("\n")] : []),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** An Arrow file with a row for each training, evaluation and seed. */
export function studyArrow({ rows }: StudyResults): Uint8Array {
  const flat = rows.flatMap(({ values, summaries }) =>
    [...summaries].map(([seed, summary]) => ({ values, seed, summary })),
  );
  const axes = Object.keys(rows[0]?.values ?? {});
  const numbers = [...studyMeasures, "bpdStandardError", "boundStandardError", "steps", "evalImages"] as const;
  return rowTable({
    ...Object.fromEntries(axes.map((axis) => [axis, flat.map(({ values }) => values[axis]!)])),
    seed: flat.map(({ seed }) => Number(seed)),
    ...Object.fromEntries(numbers.map((key) => [key, flat.map(({ summary }) => summary[key] ?? null)])),
    parameters: flat.map(({ summary }) => summary.parameters ?? ""),
  });
}
