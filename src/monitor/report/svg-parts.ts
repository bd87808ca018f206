/** Pieces of SVG charts that stand alone, in a page of light or dark looks and as a PNG file. */
import { digitsOf, escape, scale } from "./report-html-parts.ts";

/** Colours that people with any colour vision tell apart, after Okabe and Ito. */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a00", "#808080"];

/** An axis of a chart. */
export interface ChartAxis {
  readonly label: string;
  readonly log?: boolean;
}

/** From values to pixels, with marks at round values. */
export interface Ruler {
  place(value: number): number;
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

const short = (value: number, step: number) => value.toFixed(digitsOf(step));
const power = (exponent: number) => (Math.abs(exponent) < 4 ? String(Number((10 ** exponent).toPrecision(1))) : `1e${exponent}`); // prettier-ignore

/** A ruler over finite values from one pixel to another; with a logarithm over those above zero. */
export function ruler(values: readonly number[], [from, to]: readonly [number, number], log = false): Ruler {
  const usable = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const shown = usable.length ? usable.map((value) => (log ? Math.log10(value) : value)) : [0, 1];
  const low = shown.reduce((a, b) => Math.min(a, b));
  const high = shown.reduce((a, b) => Math.max(a, b));
  const whole = log && high - low > 1;
  const { first, step, steps } = whole
    ? { first: Math.floor(low), step: 1, steps: Math.max(1, Math.ceil(high) - Math.floor(low)) }
    : scale(low, high, 5);
  const at = (value: number) => from + ((value - first) / (step * steps)) * (to - from);
  const text = (value: number) => (whole ? power(Math.round(value)) : short(log ? 10 ** value : value, log ? 0.01 : step)); // prettier-ignore
  return {
    place: (value) => at(log ? Math.log10(value) : value),
    marks: Array.from({ length: steps + 1 }, (_, i) => first + i * step).map((value) => ({
      at: at(value),
      text: text(value),
    })),
  };
}

/** Text at a place; `anchor` says which part of it is there. */
export const label = (x: number, y: number, text: string, anchor = "middle", style = "quiet") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" class="${style}">${escape(text)}</text>`;

export const line = (x1: number, y1: number, x2: number, y2: number, style = "grid") =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" class="${style}"/>`;

const STYLE = `text{font:12px sans-serif;fill:#1b1f24}.quiet{fill:#5c6670}.grid{stroke:#dfe3e8}.zero{stroke:#5c6670;stroke-dasharray:3 3}.back{fill:#fff}@media (prefers-color-scheme:dark){text{fill:#e6e9ee}.quiet{fill:#9aa4b0}.grid{stroke:#343942}.zero{stroke:#9aa4b0}.back{fill:#1d2026}}`; // prettier-ignore

/** The whole picture around its parts; `title` is read aloud. */
export const svgPicture = (width: number, height: number, title: string, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
  `role="img" aria-label="${escape(title)}" style="max-width:100%;height:auto"><style>${STYLE}</style>` +
  `<rect class="back" width="${width}" height="${height}"/>${parts.join("")}</svg>`;
