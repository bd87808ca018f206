/** The tables of the report's page. */
import { escape, headCell, section } from "./report-html-parts.ts";
import type { Measured } from "../../metrics/statistics.ts";
import type { Likelihoods, ReportedQuality, Report } from "./report.ts";

export interface Row {
  readonly name: string;
  readonly cells: readonly string[];
  /** Highlights the row. */
  readonly own?: boolean;
}

export function table(heads: readonly string[], rows: readonly Row[], style = ""): string {
  const lines = rows.map(({ name, cells, own = false }) => {
    const columns = cells.map((cell) => `<td>${escape(cell)}</td>`).join("");
    return `<tr${own ? ' class="own"' : ""}><th scope="row">${escape(name)}</th>${columns}</tr>`;
  });
  const head = heads.length ? `<thead><tr>${heads.map((text) => headCell(escape(text))).join("")}</tr></thead>` : "";
  return `<div class="wide" tabindex="0" role="group" aria-label="table"><table class="${style}">${head}<tbody>\n${lines.join("\n")}</tbody></table></div>`;
}

export interface Named {
  readonly name: string;
  readonly value: Measured;
}

/** Names the model's measured values, by dequantization. */
export function ownRows({ dequantizations, kinds }: Report): Named[] {
  const { uniform, variational, truncated } = dequantizations;
  const rows = (suffix: string, { bpd, bound }: Likelihoods = {}): Named[] => [
    ...(bpd ? [{ name: `this model, probability flow ODE${suffix}`, value: bpd }] : []),
    ...(bound ? [{ name: `this model, variational bound${suffix}`, value: bound }] : []),
  ];
  const { bpd, bound } = truncated ?? {};
  if (bpd || bound) {
    return [
      ...(bpd ? [{ name: `this model, ${kinds?.bpd ?? "truncated noise"}`, value: bpd }] : []),
      ...(bound ? [{ name: `this model, ${kinds?.bound ?? "bound on discrete data"}`, value: bound }] : []),
    ];
  }
  if (!variational && kinds?.bpd.includes("weighted")) {
    return rows("", uniform).map(({ name, value }, i) => ({
      name: i === 0 ? `this model, ${kinds.bpd}` : name,
      value,
    }));
  }
  if (!variational) return rows("", uniform);
  return [...rows(", uniform dequantization", uniform), ...rows(", variational dequantization", variational)];
}

const evaluations = ({ evaluations: counts }: Measured) =>
  counts ? `${counts.mean.toFixed(1)} (${counts.min} to ${counts.max})` : "–";

/** Shows the errors and the costs of the numbers. */
export function precisionTable(report: Report): string {
  const loss = report.loss ? [{ name: "training loss, without dropout", value: report.loss }] : [];
  const rows = [...ownRows(report), ...loss].map(({ name, value }) => ({
    name: name.replace("this model, ", ""),
    cells: [
      value.mean.toFixed(4),
      Number.isFinite(value.standardError) ? value.standardError.toFixed(4) : "–",
      value.repeatStandardError?.toFixed(4) ?? "–",
      String(value.images),
      String(value.repeats),
      evaluations(value),
    ],
  }));
  const heads = ["", "mean", "± over images", "± over passes", "images", "passes", "evaluations an image"];
  return table(heads, rows, "numbers");
}

/** Empty when nothing was measured. */
export function qualitySection({ fid, kid, inceptionScore, note }: ReportedQuality = {}): string {
  const rows = [
    { name: "FID, lower is better", value: fid?.toFixed(2) },
    { name: "KID, lower is better", value: kid?.toFixed(4) },
    { name: "Inception score, higher is better", value: inceptionScore?.toFixed(2) },
  ].flatMap(({ name, value }) => (value === undefined ? [] : [{ name, cells: [value] }]));
  if (rows.length === 0 && note === undefined) return "";
  return section("Quality of the samples", rows.length > 0 ? table([], rows, "numbers") : "", note);
}

/** Shows the run's facts and all settings. */
export const runSection = ({ run, config }: Report) =>
  section(
    "What was run",
    table(
      [],
      Object.entries(run).map(([name, value]) => ({ name, cells: [String(value)] })),
      "facts",
    ) + `<details><summary>all settings</summary><pre>${escape(JSON.stringify(config, undefined, 2))}</pre></details>`,
  );
