/** The legend beside the curves of a chart. */
import type { Curve } from "./chart-view.ts";
import { h, setText } from "./dom.ts";
import { swatch } from "./looks.ts";

/** Curves whose names may take a line each. */
const WIDE = 3;
/** Curves in the legend at most. */
const LISTED = 8;

export interface Read {
  readonly curve: Curve;
  /** At the pointer, else the newest. */
  readonly value: number | undefined;
}

/** Those whose values are next to `at`, or the first, in their order. */
function nearest(reads: readonly Read[], at: number | undefined): readonly Read[] {
  if (reads.length <= LISTED) return reads;
  if (at === undefined) return reads.slice(0, LISTED);
  const far = ({ value }: Read) => (value === undefined || Number.isNaN(value) ? Infinity : Math.abs(value - at));
  const chosen = new Set([...reads].sort((a, b) => far(a) - far(b)).slice(0, LISTED));
  return reads.filter((read) => chosen.has(read));
}

export function chartLegend(format: (value: number | undefined) => string) {
  const list = h("ul", { class: "legend" });
  const outside = h("p", { class: "outside", hidden: true });
  const item = ({ curve: { label, look }, value }: Read) =>
    h("li", { title: label }, swatch(look), h("bdi", { class: "name" }, label), h("b", {}, format(value)));
  return {
    list,
    outside,
    /** @param pointer The pointer's place on the y axis; undefined while it is elsewhere. */
    update(reads: readonly Read[], pointer: number | undefined): void {
      const shown = nearest(reads, pointer);
      const left = reads.length - shown.length;
      list.replaceChildren(...shown.map(item), ...(left > 0 ? [h("li", {}, `and ${left} more`)] : []));
      list.classList.toggle("halves", reads.length > WIDE);
      list.classList.toggle("many", left > 0);
    },
    tellOutside(count: number): void {
      outside.hidden = count === 0;
      setText(outside, `${count} ${count === 1 ? "value is" : "values are"} outside`);
    },
  };
}
