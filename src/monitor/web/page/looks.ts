/** Colours and strokes by which the curves of runs are told apart. */
import { svg } from "./dom.ts";

/** Names of the colours `--run-0`, `--run-1` ... */
export const COLOUR_NAMES = ["blue", "orange", "green", "purple", "gold", "teal", "red", "grey"] as const;

/** Strokes, as canvas and SVG take them. */
export const DASHES: readonly (readonly number[])[] = [[], [6, 4], [2, 3], [9, 3, 2, 3]];
export const DASH_NAMES = ["solid", "dashed", "dotted", "dash and dot"] as const;

/** Places in {@link COLOUR_NAMES} and {@link DASHES}. */
export interface CurveLook {
  readonly colour: number;
  readonly dash: number;
}

/** The how-manieth look: first all colours, then again with the next stroke. */
export const curveLook = (order: number): CurveLook => ({
  colour: order % COLOUR_NAMES.length,
  dash: Math.floor(order / COLOUR_NAMES.length) % DASHES.length,
});

/** The CSS variable of a look's colour. */
export const colourOf = ({ colour }: CurveLook): string => `--run-${colour}`;

/** A short piece of a curve. */
export function swatch(look: CurveLook): SVGElement {
  const line = svg("line", { x1: 0, y1: 2, x2: 22, y2: 2, "stroke-dasharray": DASHES[look.dash]!.join(" ") });
  line.style.stroke = `var(${colourOf(look)})`;
  return svg("svg", { class: "swatch", width: 22, height: 4, "aria-hidden": "true" }, line);
}
