/** The figures of the report's page, drawn with HTML alone. */
import { axis, digitsOf, escape, headCell, image, scale } from "./report-html-parts.ts";
import type { Measured } from "../../metrics/statistics.ts";

/** A line of the comparison with published numbers. */
export interface Rung {
  readonly name: string;
  readonly bpd: number;
  /** A value measured here, rather than published. */
  readonly own?: Measured;
}

/** Standard error; 0, no bar, where it is not known. */
const errorOf = (own: Measured | undefined) => own?.standardError || 0;

const percent = (part: number) => `${(100 * part).toFixed(2)}%`;

/** Bits/dim as points on one scale, the best first, with two standard errors to both sides. */
export function ladder(rungs: readonly Rung[], heads: readonly [string, string]): string {
  const sorted = [...rungs].sort((a, b) => a.bpd - b.bpd);
  const ends = rungs.flatMap(({ bpd, own }) => [bpd - 2 * errorOf(own), bpd + 2 * errorOf(own)]);
  const marks = scale(Math.min(...ends), Math.max(...ends), 5);
  const place = (value: number) => (value - marks.first) / (marks.step * marks.steps);
  const rows = sorted.map(({ name, bpd, own }) => {
    const error = errorOf(own);
    const bar = own
      ? `<s style="left:${percent(place(bpd))};width:${percent(place(bpd + 4 * error) - place(bpd))}"></s>`
      : "";
    const point = `${bar}<i style="left:${percent(place(bpd))}"></i>`;
    const value = own ? bpd.toFixed(3) + (error > 0 ? ` &plusmn; ${error.toFixed(3)}` : "") : bpd.toFixed(2);
    return (
      `<tr${own ? ' class="own"' : ""}><th scope="row" class="name">${escape(name)}</th>` +
      `<td class="track"><div>${point}</div></td><td class="value">${value}</td></tr>`
    );
  });
  const [left, right] = heads.map(escape);
  return (
    `<table class="ladder"><thead><tr>${headCell(left ?? "")}<td class="track">${axis(marks)}</td>` +
    `<th scope="col" class="value">${right}</th></tr></thead><tbody>\n${rows.join("\n")}</tbody></table>`
  );
}

/** Bins at most; round widths make it fewer. */
const BINS = 40;
const TICKS = 6;

export interface Histogram {
  readonly first: number;
  /** Width of a bin. */
  readonly step: number;
  readonly counts: readonly number[];
}

/** Counts of `values` in bins of one round width. */
export function histogram(values: readonly number[]): Histogram {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const { first, step, steps } = scale(low, high, BINS);
  const counts = new Array<number>(steps).fill(0);
  for (const value of values) counts[Math.min(Math.floor((value - first) / step), steps - 1)]!++;
  return { first, step, counts };
}

/** The histogram of bits/dim over images, with its mean. */
export function histogramFigure(values: readonly number[], mean: number): string {
  const { first, step, counts } = histogram(values);
  const most = Math.max(...counts);
  const digits = digitsOf(step);
  const bars = counts.map((n, i) => {
    const from = first + i * step;
    const title = `${from.toFixed(digits)} to ${(from + step).toFixed(digits)}: ${n} image${n === 1 ? "" : "s"}`;
    const style = `left:${percent(i / counts.length)};width:calc(${percent(1 / counts.length)} - 1px);height:${percent(n / most)}`;
    return n ? `<div style="${style}" title="${title}"></div>` : "";
  });
  const at = (mean - first) / (step * counts.length);
  const line = `<u${at > 0.7 ? ' class="late"' : ""} style="left:${percent(at)}"><span>mean ${mean.toFixed(3)}</span></u>`;
  // Marks at every few borders of bins, so that they are round too.
  const every = Math.ceil(counts.length / TICKS);
  const marks = counts.flatMap((_, i) =>
    i % every ? [] : [`<span style="left:${percent(i / counts.length)}">${(first + i * step).toFixed(digits)}</span>`],
  );
  const label = `histogram of ${values.length} images, at most ${most} in a bin`;
  return (
    `<div class="histogram" role="img" aria-label="${label}">${bars.join("")}${line}</div>` +
    `<div class="axis ticks" aria-hidden="true">${marks.join("")}</div>`
  );
}

/** An image of the data with what was found of it. */
export interface Shown {
  /** PNG file. */
  readonly png: Uint8Array;
  /** Place in the data. */
  readonly index: number;
  readonly bpd: number;
}

/** Images with their bits/dim. */
export const gallery = (shown: readonly Shown[], what: string) =>
  `<div class="gallery">${shown
    .map(({ png, index, bpd }) => {
      const picture = image(png, `${what} ${index}, ${bpd.toFixed(2)} bits/dim`);
      return `<figure title="${escape(`${what} ${index}`)}">${picture}<figcaption>${bpd.toFixed(2)}</figcaption></figure>`;
    })
    .join("\n")}</div>`;
