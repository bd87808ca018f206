/** Runs and their nodes: which are drawn, which is looked at, how far they are, and in what they differ. */
import { card, h, isolated, setText } from "./dom.ts";
import type { Model } from "./model.ts";
import { nodeState, stateNow } from "./node-state.ts";
import { isNoiseMetric } from "./noise-curves.ts";
import { arrange } from "./order.ts";
import { PHASE_NAMES } from "./phase-view.ts";
import { isStageMetric } from "./pipeline-graph.ts";
import { remarksView } from "./remarks-view.ts";
import { bestOf, isFound, sorted, type RunRow, type TableView } from "./run-rows.ts";
import { runsHead, type RunColumn } from "./runs-head.ts";
import { runsRow } from "./runs-row.ts";
import { differing, shortNames, type Settings } from "./settings.ts";
import type { NodeRecord } from "./store.ts";

const FIRST: readonly RunColumn[] = [
  { key: "", head: "chart" },
  { key: "", head: "details" },
  ...["run", "node", "state"].map((key) => ({ key, head: key })),
  { key: "age", head: "heard" },
  { key: "step", head: "step" },
  { key: "last", head: "last", title: "newest value of the chosen metric" },
  { key: "best", head: "best", title: "best value of the chosen metric" },
];
const LAST: readonly RunColumn[] = [
  { key: "memory", head: "memory" },
  { key: "", head: "not shown" },
];
/** Columns of settings at most; runs of different pipelines differ in very many. */
const SETTINGS = 24;

/** @param changed Told when something else is to be drawn. */
export function runsView(model: Model, changed: () => void) {
  /** By the node's record: of a run that was deleted and comes again, there is another. */
  let rows = new Map<NodeRecord, ReturnType<typeof runsRow>>();
  const body = h("tbody");
  const set = (part: Partial<TableView>) => {
    model.table = { ...model.table, ...part };
    changed();
  };
  const head = runsHead((sort) => set({ sort }));
  const said = h("p", { class: "said", role: "status", "aria-live": "polite" });
  const table = h("table", { class: "nodes" }, head.element, body);
  const scroll = h("div", { class: "scroll runs", tabindex: 0, role: "group", "aria-label": "runs and nodes" }, table);
  const search = h("input", { type: "search", id: "run-search", placeholder: "name, lr=0.001, failed ...", oninput: () => set({ search: search.value }) }); // prettier-ignore
  const metric = h("select", { id: "run-metric", onchange: () => set({ metric: metric.value }) });
  const group = h("select", { id: "group", onchange: () => set({ group: group.value }) });
  const count = h("span", { class: "note rows" });
  const more = h("p", { class: "note" });
  let found: readonly NodeRecord[] = [];
  const draw = (shown: boolean) => () => (model.setShown(found, shown), changed());
  const controls = h(
    "div",
    { class: "controls", role: "group", "aria-label": "runs and nodes" },
    h("label", { for: "run-search" }, "Find", search),
    h("label", { for: "run-metric" }, "Metric", metric),
    h("label", { for: "group" }, "Mean by", group),
    h("button", { type: "button", id: "draw-all", onclick: draw(true) }, "Draw all"),
    h("button", { type: "button", id: "draw-none", onclick: draw(false) }, "Draw none"),
    count,
  );
  const remarks = remarksView(model, changed);
  const element = card("runs", "Runs and nodes", controls, scroll, remarks.element, more, said);

  let known = -1;
  let settings: Settings = { names: [], values: new Map() };
  const metricNames = () => {
    const names = new Set(model.store.records().flatMap(({ series }) => [...series.keys()]));
    return [...names].filter((name) => !isStageMetric(name) && !isNoiseMetric(name));
  };
  const chooseMetric = () => {
    const names = metricNames();
    if (!names.includes(model.table.metric)) names.push(model.table.metric);
    if (names.length !== metric.options.length) metric.replaceChildren(...names.map((name) => h("option", {}, name)));
    metric.value = model.table.metric;
  };
  const chooseGroup = () => {
    const names = new Set(["", ...settings.names, model.table.group]);
    if (names.size !== group.options.length) group.replaceChildren(...[...names].map((name) => h("option", { value: name }, name || "no setting"))); // prettier-ignore
    group.value = model.table.group;
  };
  const rowOf = (record: NodeRecord): RunRow => {
    const told = stateNow(record, model.now());
    const age = Math.max(0, model.now() - Math.max(record.time, record.heard));
    const phase = told?.phase ?? nodeState(age, record.time - record.before, model.connection === "ended");
    const remark = model.remarks.get(record.run);
    const series = record.series.get(model.table.metric);
    return {
      record,
      phase,
      state: told ? PHASE_NAMES[told.phase] : phase,
      age: record.time === 0 && record.heard === 0 ? undefined : age,
      last: series?.last,
      best: series && bestOf(model.table.metric, series),
      memory: record.series.get("process/rss_bytes")?.last,
      settings: settings.values.get(record.run) ?? new Map<string, string>(),
      words: remark ? `${remark.tags ?? ""} ${remark.note ?? ""}` : "",
    };
  };

  return {
    element,
    update(): void {
      if (known !== model.configs.size) settings = differing(model.configs);
      known = model.configs.size;
      chooseMetric();
      chooseGroup();
      remarks.update();
      const { search: words, sort } = model.table;
      if (document.activeElement !== search) search.value = words;
      const all = model.nodes.map(rowOf);
      const fitting = sorted(all.filter((row) => isFound(row, settings.names, words)), sort); // prettier-ignore
      found = fitting.map(({ record }) => record);
      const names = settings.names.slice(0, SETTINGS);
      const short = shortNames(names);
      const columns = names.map((name, i) => ({ key: `setting:${name}`, head: short[i]!, title: name }));
      head.update([...FIRST, ...columns, ...LAST], sort);
      rows = new Map(all.flatMap(({ record }) => (rows.has(record) ? [[record, rows.get(record)!]] : [])));
      for (const row of fitting) {
        if (!rows.has(row.record)) rows.set(row.record, runsRow(model, row.record, changed));
        rows.get(row.record)!.update(row, names);
      }
      arrange(body, found.map((record) => rows.get(record)!.element)); // prettier-ignore
      const left = settings.names.length - names.length;
      setText(more, left > 0 ? `The runs differ in ${left} more settings.` : "");
      setText(count, `${found.length} of ${all.length} rows, ${model.shown().length} drawn`);
      setText(said, all.length === 0 ? "No metric has come yet." : all.map(({ record, state }) => `${isolated(record.run)} on ${isolated(record.node)}: ${state}`).join("; ")); // prettier-ignore
      said.classList.toggle("hidden-text", all.length > 0);
      controls.hidden = scroll.hidden = all.length === 0;
    },
  };
}
