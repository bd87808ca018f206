/** Small pieces of the report's page. */

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as HTML. */
export const escape = (text: string | number) => String(text).replace(/[&<>"]/g, (c) => ENTITIES[c]!);

/** The head of a column; one without a name is no head. `text` is HTML. */
export const headCell = (text: string) => (text === "" ? "<td></td>" : `<th scope="col">${text}</th>`);

/** A PNG file inside the page. */
export const image = (png: Uint8Array, alt: string, style = "") =>
  `<img${style && ` class="${style}"`} alt="${escape(alt)}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`;

/** A part of the page under a heading; `note` is text. */
export const section = (title: string, body: string, note = "") =>
  `<section><h2>${escape(title)}</h2>\n${note && `<p class="quiet">${escape(note)}</p>\n`}${body}</section>`;

/** Round numbers between which about `count` steps lie, from at most `low` to at least `high`. */
export function scale(low: number, high: number, count: number): { first: number; step: number; steps: number } {
  const rough = (high - low || Math.abs(low) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((multiple) => multiple * power >= rough * (1 - 1e-9))!;
  const first = Math.floor(low / step);
  return { first: first * step, step, steps: Math.max(Math.ceil(high / step) - first, 1) };
}

/** Digits after the point that multiples of `step` need. */
export const digitsOf = (step: number) => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

/** The marks of a scale as HTML, over its whole width. */
export function axis({ first, step, steps }: ReturnType<typeof scale>, style = ""): string {
  const marks = Array.from({ length: steps + 1 }, (_, i) => {
    const text = (first + i * step).toFixed(digitsOf(step));
    return `<span style="left:${((100 * i) / steps).toFixed(2)}%">${text}</span>`;
  });
  return `<div class="axis ${style}" aria-hidden="true">${marks.join("")}</div>`;
}
