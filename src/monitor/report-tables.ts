/** The tables of the report's page. */
import type { Measured } from "./report-measured.ts";
import type { Likelihoods, Quality, Report } from "./report.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escape = (text: string | number) => String(text).replace(/[&<>"]/g, (c) => ENTITIES[c]!);

interface Row {
  readonly name: string;
  /** HTML. */
  readonly cells: readonly string[];
  /** Emphasized. */
  readonly own?: boolean;
}

function table(heads: readonly string[], rows: readonly Row[]): string {
  const lines = rows.map(({ name, cells, own }) => {
    const columns = [escape(name), ...cells].map((cell) => `<td>${cell}</td>`).join("");
    return `<tr${own ? ' class="own"' : ""}>${columns}</tr>`;
  });
  return `<table><tr>${heads.map((head) => `<th>${head}</th>`).join("")}</tr>\n${lines.join("\n")}</table>`;
}

const plusMinus = ({ mean, standardError }: Measured, digits: number) =>
  `${mean.toFixed(digits)} &plusmn; ${standardError.toFixed(digits)}`;

interface Named {
  readonly name: string;
  readonly value: Measured;
}

/** What the model was measured to have, by every dequantization. */
function ownRows({ dequantizations }: Report): Named[] {
  const { uniform, variational } = dequantizations;
  const rows = (suffix: string, { bpd, bound }: Likelihoods = {}): Named[] => [
    ...(bpd ? [{ name: `this model, probability flow ODE${suffix}`, value: bpd }] : []),
    ...(bound ? [{ name: `this model, variational bound${suffix}`, value: bound }] : []),
  ];
  if (!variational) return rows("", uniform);
  return [...rows(", uniform dequantization", uniform), ...rows(", variational dequantization", variational)];
}

/** Own numbers and published ones, the best first. */
export function likelihoodTable(report: Report): string {
  const own = ownRows(report).map(({ name, value }) => ({
    ...{ name, own: true, sort: value.mean, cells: [`${plusMinus(value, 3)} (${value.images} images)`] },
  }));
  const others = report.anchors.map(({ name, bpd }) => ({
    ...{ name: report.split === "train" ? `${name}, test images` : name, sort: bpd, cells: [bpd.toFixed(2)] },
  }));
  const rows = [...own, ...others].sort((a, b) => a.sort - b.sort);
  return table(["model", `bits/dim on ${report.split} images`], rows);
}

const evaluations = ({ evaluations: counts }: Measured) =>
  counts ? `${counts.mean.toFixed(1)} (${counts.min} to ${counts.max})` : "";

/** How sure the numbers are and what they cost. */
export function precisionTable(report: Report): string {
  const loss = report.loss ? [{ name: "training loss, without dropout", value: report.loss }] : [];
  const rows = [...ownRows(report), ...loss].map(({ name, value }) => ({
    name,
    cells: [
      value.mean.toFixed(4),
      value.standardError.toFixed(4),
      value.repeatStandardError?.toFixed(4) ?? "",
      String(value.repeats),
      evaluations(value),
    ],
  }));
  const heads = ["", "mean", "error over images", "error over passes", "passes", "network evaluations an image"];
  return table(heads, rows);
}

/** Empty when nothing was measured. */
export function qualityTable({ fid, kid, inceptionScore, note }: Quality = {}): string {
  const rows = [
    { name: "FID", value: fid?.toFixed(2) },
    { name: "KID", value: kid?.toFixed(4) },
    { name: "inception score", value: inceptionScore?.toFixed(2) },
  ].flatMap(({ name, value }) => (value === undefined ? [] : [{ name, cells: [value] }]));
  if (rows.length === 0 && note === undefined) return "";
  const text = note === undefined ? "" : `<p>${escape(note)}</p>`;
  const measured = rows.length > 0 ? table(["measure", "value"], rows) : "";
  return `<h2>Quality of the samples</h2>\n${measured}\n${text}`;
}
