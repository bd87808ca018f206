/** Own and published results side by side, with the settings they are of. */
import { escape, section } from "./report-html-parts.ts";
import { table, type Row } from "./report-tables.ts";
import type { Anchor, AnchorSettings, Report } from "./report.ts";

/** Names of SDEs as papers write them. */
const SDES: Readonly<Record<string, string>> = { vp: "VP", subvp: "sub-VP", ve: "VE", linearve: "linear VE" };

/** The name of an SDE as papers write it; a name of one's own stands as it is. */
export const sdeTitle = (name: string): string => (Object.hasOwn(SDES, name) ? SDES[name]! : name);

export const WEIGHTING = {
  original: "none",
  likelihood: "LW",
  importance: "LW + IS",
  velocity: "LW + velocity",
} as const;
const HEADS = ["", "network", "SDE", "weighting", "dequantization", "ODE", "bound", "discrete bound", "FID"];

const number = (value: number | undefined, digits = 2) => value?.toFixed(digits) ?? "–";

function row(name: string, settings: AnchorSettings = {}, values: readonly string[], own = false): Row {
  const { network = "", sde, weighting, dequantization = "" } = settings;
  const cells = [network, sde ? sdeTitle(sde) : "", weighting ? WEIGHTING[weighting] : "", dequantization, ...values];
  return { name, cells, own };
}

/** Makes this model's rows, one for each dequantization that it was evaluated with. */
const ownRows = ({ dequantizations, settings, quality }: Report): Row[] =>
  (["uniform", "variational", "truncated"] as const).flatMap((dequantization) => {
    const { bpd, bound } = dequantizations[dequantization] ?? {};
    if (!bpd && !bound) return [];
    const bounds = dequantization === "truncated" ? [undefined, bound] : [bound, undefined];
    const values = [bpd, ...bounds].map((value) => number(value?.mean, 3)).concat(number(quality?.fid));
    return [row("this model", { ...settings, dequantization }, values, true)];
  });

/** Numbers of sources by their place in the list below the table. */
function sourceNumbers(anchors: readonly Anchor[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { source } of anchors) {
    if (source !== undefined && !numbers.has(source)) numbers.set(source, numbers.size + 1);
  }
  return numbers;
}

/** Empty where nothing with a source is published of these data. */
export function publishedSection(report: Report): string {
  const cited = report.anchors.filter(({ source }) => source !== undefined);
  if (cited.length === 0) return "";
  const marked = cited.some(({ same }) => same) ? "The row of this run's settings is marked." : "No row is of this run's settings."; // prettier-ignore
  const note =
    `${marked} Weighting of the training loss: LW by likelihood, IS with times drawn by importance sampling. ` +
    "Blank where the source does not say. ODE and bound are of dequantized data, the discrete bound is of the bytes.";
  return section("With which settings", publishedTable(cited, ownRows(report)), note);
}

/** Published rows with their settings and sources below the given ones; those without a source are left out. */
export function publishedTable(anchors: readonly Anchor[], own: readonly Row[] = []): string {
  const cited = anchors.filter(({ source }) => source !== undefined);
  const sources = sourceNumbers(cited);
  const rows = cited.map(({ name, bpd, bound, discreteBound, fid, settings, source, same = false }) => {
    const title = `${name} [${sources.get(source!)}]${same ? " ◀ as this run" : ""}`;
    return row(
      title,
      settings,
      [bpd, bound, discreteBound, fid].map((value) => number(value)),
      same,
    );
  });
  const list = [...sources].map(([source, n]) => `<li value="${n}">${escape(source)}</li>`).join("");
  return `${table(HEADS, [...own, ...rows], "published")}<ol class="quiet">${list}</ol>`;
}
