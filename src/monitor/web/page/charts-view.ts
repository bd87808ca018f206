/** The curves, and what is asked of all of them. */
import { Chart, type ChartOptions, type Curve } from "./chart.ts";
import { card, h, isolated, setText } from "./dom.ts";
import { bytesText, number, seconds } from "./format.ts";
import type { Model } from "./model.ts";
import { isNoiseMetric } from "./noise-curves.ts";
import { isStageMetric } from "./pipeline-graph.ts";
import type { NodeRecord } from "./store.ts";

interface Definition extends ChartOptions {
  /** Metrics that are drawn in it, with what is added to the run's name. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly marks?: boolean;
}

/** Bits/dim by the kind of the evaluation; `evaluationName` makes the names. */
const BITS = {
  ...{ "eval/bpd": "ODE", "eval/bound": "bound" },
  ...{ "eval/bpd_variational": "ODE, variational", "eval/bound_variational": "bound, variational" },
  ...{ "eval/bpd_train": "ODE, train", "eval/bound_train": "bound, train" },
};

const DEFINITIONS: readonly Definition[] = [
  { id: "loss", title: "Loss", metrics: { "train/loss": "" }, format: number, log: true, smooth: true },
  { id: "grad", title: "Gradient norm", metrics: { "train/grad_norm": "" }, format: number, log: true, smooth: true },
  { id: "lr", title: "Learning rate", metrics: { "train/learning_rate": "" }, format: number },
  { id: "speed", title: "Images/s", metrics: { "train/images_per_second": "" }, format: number, smooth: true },
  { id: "bits", title: "Bits/dim", metrics: BITS, format: number, marks: true },
  { id: "memory", title: "Memory", metrics: { "process/rss_bytes": "" }, format: bytesText, binary: true },
];

/** Metrics that the graph of the pipeline and the tiles show already. */
const DRAWN = new Set(["train/seconds_per_step", ...DEFINITIONS.flatMap(({ metrics }) => Object.keys(metrics))]);

/** @param changed Told when all is to be drawn again. */
export function chartsView(model: Model, changed: () => void) {
  const onZoom = (zoom: Model["view"]["zoom"]) => {
    model.view = { ...model.view, zoom };
    changed();
  };
  const make = (definition: Definition) => ({ ...definition, chart: new Chart(definition, onZoom) });
  const charts = DEFINITIONS.map(make);
  const others = new Map<string, ReturnType<typeof make>>();
  const grid = h("div", { class: "charts" }, ...charts.map(({ chart }) => chart.element));
  const otherGrid = h("div", { class: "charts" });
  const more = h("details", { class: "more", ontoggle: changed }, h("summary", {}, "Further metrics"), otherGrid);
  more.hidden = true;

  const log = h("input", { type: "checkbox", id: "log-scale", onchange: () => set({ log: log.checked }) });
  const weight = h("output", { for: "smoothing" }, "0");
  const smoothing = h("input", { type: "range", id: "smoothing", min: 0, max: 0.99, step: 0.01, value: 0, oninput: () => set({ smoothing: Number(smoothing.value) }) }); // prettier-ignore
  const reset = h("button", { type: "button", class: "quiet", id: "reset", onclick: () => onZoom(undefined) }, "Reset zoom"); // prettier-ignore
  const set = (part: Partial<Model["view"]>) => {
    model.view = { ...model.view, ...part };
    changed();
  };
  const controls = h(
    "div",
    { class: "controls", role: "group", "aria-label": "all charts" },
    h("label", { class: "switch", for: "log-scale" }, log, "Log scale"),
    h("label", { for: "smoothing" }, "Smoothing", smoothing, weight),
    reset,
  );
  const element = card("curves", "Curves", controls, grid, more);

  const label = (record: NodeRecord, name: string) => {
    const several = [model.runs.length > 1 && isolated(record.run), model.store.nodes(record.run).length > 1 && isolated(record.node)]; // prettier-ignore
    return [...several, name].filter(Boolean).join(" · ");
  };
  const curves = ({ metrics, marks }: Definition): Curve[] =>
    model.shown().flatMap((record) =>
      Object.entries(metrics).flatMap(([metric, name], i): Curve[] => {
        const series = record.series.get(metric);
        if (!series) return [];
        const y = [...series.values];
        if (!y.some(Number.isFinite)) return [];
        const points = { x: [...series.steps], y };
        const looks = {
          colour: model.colour(record),
          marks: marks ?? points.x.length === 1,
          ...(i > 0 && { dashed: true }),
        };
        return [{ label: label(record, name), points, ...looks }];
      }),
    );

  /** A chart for every metric that has none: what an operator tells is seen without more ado. */
  const addOthers = () => {
    for (const { series } of model.shown()) {
      for (const [name, { unit }] of series) {
        if (DRAWN.has(name) || isStageMetric(name) || isNoiseMetric(name) || others.has(name)) continue;
        const format = unit === "s" ? seconds : unit === "By" ? bytesText : number;
        const id = `other-${others.size}`;
        const definition = { id, title: unit === "1" ? name : `${name} (${unit})`, metrics: { [name]: "" }, format, log: true, smooth: true, binary: unit === "By" }; // prettier-ignore
        others.set(name, make(definition));
        otherGrid.append(others.get(name)!.chart.element);
      }
    }
    more.hidden = others.size === 0;
  };

  return {
    element,
    update(): void {
      addOthers();
      const steps = model.shown().flatMap(({ series }) => [...series.values()].flatMap(({ steps }) => [steps[0]!, steps.at(-1)!])); // prettier-ignore
      if (steps.length > 0) model.view = { ...model.view, range: [Math.min(...steps), Math.max(...steps)] };
      reset.disabled = model.view.zoom === undefined;
      setText(weight, model.view.smoothing.toFixed(2));
      const open = more.open && !more.hidden ? [...others.values()] : [];
      for (const { chart, ...definition } of [...charts, ...open]) chart.show(curves(definition), model.view);
    },
    recolour(): void {
      for (const { chart } of [...charts, ...others.values()]) chart.recolour();
    },
  };
}
