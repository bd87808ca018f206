/** One page without outside requests. */
import { escape, likelihoodTable, precisionTable, qualityTable } from "./report-tables.ts";
import type { Report } from "./report.ts";

export interface Pictures {
  /** PNG files. */
  readonly mostLikely: Uint8Array;
  readonly leastLikely: Uint8Array;
  readonly samples?: Uint8Array;
}

const STYLE = `
:root { color-scheme: light dark; --bar: light-dark(#3366bb, #88aaee); --line: light-dark(#ccc, #444); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem 1rem .2rem 0; text-align: left; font-weight: normal; }
tr.own td { font-weight: bold; } tr { border-bottom: 1px solid var(--line); } td { font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
.bars { display: flex; align-items: flex-end; gap: 1px; height: 10rem; border-bottom: 1px solid var(--line); }
.bars div { flex: 1; background: var(--bar); } .ends { display: flex; justify-content: space-between; }
img { image-rendering: pixelated; max-width: 100%; } img.strip { width: 100%; } img.grid { width: min(100%, 32rem); }
pre { overflow: auto; max-height: 30rem; border: 1px solid var(--line); padding: .5rem; }`;

/** Counts of `values` in equal bins from the smallest to the largest. */
export function histogram(values: readonly number[], bins = 40): { low: number; high: number; counts: number[] } {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(Math.floor(((value - low) / (high - low || 1)) * bins), bins - 1)]!++;
  return { low, high, counts };
}

function bars(values: readonly number[]): string {
  const { low, high, counts } = histogram(values);
  const most = Math.max(...counts);
  const columns = counts.map((n) => `<div style="height:${(100 * n) / most}%" title="${n} images"></div>`);
  return `<div class="bars" role="img" aria-label="histogram">${columns.join("")}</div>
<div class="ends"><span>${low.toFixed(2)}</span><span>bits/dim of an image</span><span>${high.toFixed(2)}</span></div>`;
}

const image = (png: Uint8Array, alt: string, style: string) =>
  `<img class="${style}" alt="${escape(alt)}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`;

/** The page as text. */
export function reportHtml(report: Report, { mostLikely, leastLikely, samples }: Pictures): string {
  const { run, split, perImage, config } = report;
  const about = Object.entries(run).map(([key, value]) => `<tr><td>${escape(key)}</td><td>${escape(value)}</td></tr>`);
  const title = `ScoreStream: ${escape(run["pipeline"] ?? "evaluation")}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head><body>
<h1>${title}</h1>
<h2>Likelihood</h2>
${likelihoodTable(report)}
<h2>Errors and cost</h2>
<div class="wide">${precisionTable(report)}</div>
<h2>Bits/dim per image</h2>
${bars(perImage)}
<h2>Most likely ${split} images</h2>
${image(mostLikely, `most likely ${split} images`, "strip")}
<h2>Least likely ${split} images</h2>
${image(leastLikely, `least likely ${split} images`, "strip")}
${qualityTable(report.quality)}
${samples ? `<h2>Samples</h2>\n${image(samples, "samples", "grid")}` : ""}
<h2>What was run</h2>
<table>${about.join("\n")}</table>
<pre>${escape(JSON.stringify(config, undefined, 2))}</pre>
</body></html>
`;
}
