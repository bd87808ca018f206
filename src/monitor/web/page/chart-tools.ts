/** Buttons of a chart: its values as a table or a file, and its picture. */
import { csvOf, curveTable } from "./chart-table.ts";
import type { ChartView, Curve } from "./chart-view.ts";
import { pictureOf } from "./chart-picture.ts";
import { h } from "./dom.ts";

export interface Charted {
  readonly curves: readonly Curve[];
  readonly view: ChartView;
  readonly canvas: HTMLCanvasElement;
}

/** Hands a file to the browser's downloads. */
function save(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  h("a", { href: address, download: name }).click();
  // The download has its own hold on it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** @param charted What the chart draws now. */
export function chartTools(
  { title, format }: { readonly title: string; readonly format: (value: number) => string },
  charted: () => Charted,
) {
  const file = title.replace(/[^\w.-]+/g, "-");
  const range = ({ view }: Charted) => view.zoom ?? view.range;
  const place = h("div", { class: "scroll values", tabindex: 0, role: "group", "aria-label": `values of ${title}`, hidden: true }); // prettier-ignore
  const update = () => {
    const now = charted();
    if (!place.hidden) place.replaceChildren(curveTable(now.curves, now.view.axis, range(now), format));
  };
  const toggle = () => {
    place.hidden = !place.hidden;
    table.setAttribute("aria-expanded", String(!place.hidden));
    update();
  };
  const csv = () => {
    const now = charted();
    save(`${file}.csv`, new Blob([csvOf(now.curves, now.view.axis, range(now))], { type: "text/csv" }));
  };
  const png = async () => {
    const { curves, canvas } = charted();
    save(`${file}.png`, await pictureOf(title, curves, canvas));
  };
  const button = (name: string, onclick: () => void, more = {}) =>
    h("button", { type: "button", class: "tool", "aria-label": `${name} of ${title}`, onclick, ...more }, name);
  const table = button("Table", toggle, { "aria-expanded": "false" });
  const buttons = h(
    "div",
    { class: "tools" },
    table,
    button("CSV", csv),
    button("PNG", () => void png()),
  );
  return { buttons, place, update };
}
