/** The curves, and what is asked of all of them. */
import { pointsOn, startOf } from "./axis.ts";
import { Chart } from "./chart.ts";
import type { Curve } from "./chart-view.ts";
import { chartControls } from "./chart-controls.ts";
import { DEFINITIONS, DRAWN, otherDefinition, type Definition } from "./chart-definitions.ts";
import { card, h, isolated } from "./dom.ts";
import { groupsBy, meanBand } from "./groups.ts";
import { DASHES, curveLook } from "./looks.ts";
import type { Model } from "./model.ts";
import { isNoiseMetric } from "./noise-curves.ts";
import { isStageMetric } from "./pipeline-graph.ts";
import { differing } from "./settings.ts";
import type { NodeRecord } from "./store.ts";

/** @param changed Told when all is to be drawn again. */
export function chartsView(model: Model, changed: () => void) {
  const controls = chartControls(model, changed);
  const make = (definition: Definition) => ({ ...definition, chart: new Chart(definition, (zoom) => controls.set({ zoom })) }); // prettier-ignore
  const charts = DEFINITIONS.map(make);
  const others = new Map<string, ReturnType<typeof make>>();
  const grid = h("div", { class: "charts" }, ...charts.map(({ chart }) => chart.element));
  const otherGrid = h("div", { class: "charts" });
  const more = h("details", { class: "more", ontoggle: changed }, h("summary", {}, "Further metrics"), otherGrid);
  more.hidden = true;
  const element = card("curves", "Curves", controls.element, grid, more);

  const label = (record: NodeRecord, name: string) => {
    const several = [model.runs.length > 1 && isolated(record.run), model.store.nodes(record.run).length > 1 && isolated(record.node)]; // prettier-ignore
    return [...several, name].filter(Boolean).join(" · ");
  };
  const pointsOf = (record: NodeRecord, metric: string) => {
    const series = record.series.get(metric);
    return series?.values.some(Number.isFinite) ? [pointsOn(series, model.view.axis, startOf(record))] : [];
  };
  const single = ({ metrics, marks }: Definition): Curve[] =>
    model.shown().flatMap((record) =>
      Object.entries(metrics).flatMap(([metric, name], i) => {
        const look = model.look(record);
        const dash = (look.dash + i) % DASHES.length;
        return pointsOf(record, metric).map((points) => ({ label: label(record, name), points, look: { ...look, dash }, marks: marks ?? points.x.length === 1 })); // prettier-ignore
      }),
    );
  const grouped = ({ metrics, marks }: Definition): Curve[] =>
    groupsBy(model.table.group, model.shown(), differing(model.configs)).flatMap((group, order) =>
      Object.entries(metrics).flatMap(([metric, name], i): Curve[] => {
        const members = group.nodes.flatMap((node) => pointsOf(node, metric));
        if (members.length === 0) return [];
        const { mean, ...band } = meanBand(members);
        const look = curveLook(order);
        const dash = (look.dash + i) % DASHES.length;
        return [{ label: [group.label, name].filter(Boolean).join(" · "), points: mean, look: { ...look, dash }, marks: marks ?? mean.x.length === 1, band }]; // prettier-ignore
      }),
    );
  const curves = (definition: Definition) => (model.table.group === "" ? single(definition) : grouped(definition));

  /** A chart for every metric that has none: what an operator tells is seen without more ado. */
  const addOthers = () => {
    for (const { series } of model.shown()) {
      for (const [name, { unit }] of series) {
        if (DRAWN.has(name) || isStageMetric(name) || isNoiseMetric(name) || others.has(name)) continue;
        others.set(name, make(otherDefinition(name, unit, `other-${others.size}`)));
        otherGrid.append(others.get(name)!.chart.element);
      }
    }
    more.hidden = others.size === 0;
  };
  /** First and last place of all on the axis. */
  const setRange = () => {
    const { axis } = model.view;
    let [first, last] = [Infinity, -Infinity];
    for (const record of model.shown()) {
      const origin = axis === "relative" ? startOf(record) : 0;
      for (const { steps, times } of record.series.values()) {
        const place = (i: number) => (axis === "step" ? steps.at(i)! : (times.at(i)! - origin) / 1000);
        // One by one: many runs have more series than a call takes arguments.
        [first, last] = [Math.min(first, place(0)), Math.max(last, place(-1))];
      }
    }
    if (first <= last) model.view = { ...model.view, range: [first, last] };
  };

  return {
    element,
    update(): void {
      addOthers();
      setRange();
      controls.update();
      const open = more.open && !more.hidden ? [...others.values()] : [];
      for (const { chart, ...definition } of [...charts, ...open]) chart.show(curves(definition), model.view);
    },
    recolour(): void {
      for (const { chart } of [...charts, ...others.values()]) chart.recolour();
    },
  };
}
