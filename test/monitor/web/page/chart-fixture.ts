/** A chart on a page in memory. */
import type uPlot from "uplot";
import { afterEach, vi } from "vitest";
import type { Chart, ChartOptions } from "../../../../src/monitor/web/page/chart.ts";
import { VIEW, type ChartView, type Curve } from "../../../../src/monitor/web/page/chart-view.ts";
import { number } from "../../../../src/monitor/web/page/format.ts";
import { event, find, shown } from "./fixture.ts";

export const curve = (label: string, y: readonly number[], more: Partial<Curve> = {}): Curve => ({
  ...{ label, points: { x: y.map((_, i) => 10 * i), y: [...y] }, look: { colour: 0, dash: 0 }, marks: false },
  ...more,
});
export const view = (more: Partial<ChartView> = {}): ChartView => ({ ...VIEW, range: [0, 40], ...more });
export const LINE = curve("a", [1, 2, 4, 8, 16]);

/** A chart on the page, and what can be done to it. */
export async function chart(options: Partial<ChartOptions> = {}) {
  // Loaded while there is a page: uPlot keeps what it finds.
  const { Chart: Made } = await import("../../../../src/monitor/web/page/chart.ts");
  const { default: uPlot } = await import("uplot");
  const zoom = vi.fn<(zoom: unknown) => void>();
  const made: Chart = new Made({ id: "c", title: "Loss", format: number, ...options }, zoom);
  shown(made.element);
  const { element } = made;
  const show = async (curves: readonly Curve[], next = view()) => {
    made.show(curves, next);
    await Promise.resolve();
  };
  const legend = () => [...element.querySelectorAll(".legend li")].map((li) => [...li.children].slice(1).map(({ textContent }) => textContent).join(" ") || li.textContent); // prettier-ignore
  const key = (name: string, more = {}) => {
    const told = event("keydown", { key: name, ctrlKey: false, metaKey: false, altKey: false, ...more });
    element.dispatchEvent(told);
    return told.defaultPrevented;
  };
  const canvas = () => find<HTMLCanvasElement>(element, "canvas");
  const tool = (name: string) => [...element.querySelectorAll<HTMLButtonElement>(".tool")].find(({ textContent }) => textContent === name)!; // prettier-ignore
  const plots = () => uPlot.sync("step").plots.filter(({ root }) => element.contains(root));
  return { made, element, zoom, show, legend, key, canvas, tool, plots };
}

/** Takes away what a test has plotted: charts of one axis share their pointer. */
export const useCharts = () =>
  afterEach(async () => {
    const { default: uPlot } = await import("uplot");
    for (const plot of [...uPlot.sync("step").plots]) plot.destroy();
  });

/** The two series of each band; uPlot does not tell the type of its bands. */
export const bandsOf = (plot: uPlot): unknown[] =>
  (plot as unknown as { readonly bands: readonly uPlot.Band[] }).bands.map(({ series }) => series);
