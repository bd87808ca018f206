/** Runs and their nodes: which are drawn, which is looked at, and whether they still tell something. */
import { card, h, isolated, setText } from "./dom.ts";
import { bytesText, durationText, number } from "./format.ts";
import type { Model } from "./model.ts";
import { nodeState, stateNow } from "./node-state.ts";
import { PHASE_NAMES } from "./phase-view.ts";
import type { NodeRecord } from "./store.ts";

interface Row {
  readonly element: HTMLTableRowElement;
  readonly cells: Readonly<Record<"state" | "heard" | "step" | "loss" | "memory" | "lost", HTMLElement>>;
  readonly show: HTMLInputElement;
  readonly focus: HTMLInputElement;
}

const HEADS = ["chart", "details", "run", "node", "state", "heard", "step", "loss", "memory", "not shown"];

/** @param changed Told when something else is to be drawn. */
export function nodesView(model: Model, changed: () => void) {
  const rows = new Map<string, Row>();
  const body = h("tbody");
  const said = h("p", { class: "said", role: "status", "aria-live": "polite" });
  const table = h("table", { class: "nodes" }, h("thead", {}, h("tr", {}, ...HEADS.map((head) => h("th", { scope: "col" }, head)))), body); // prettier-ignore
  const element = card("runs", "Runs and nodes", h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "runs and nodes" }, table), said); // prettier-ignore

  const makeRow = (record: NodeRecord): Row => {
    const { run, node } = record;
    const toggle = () => {
      if (show.checked) model.hidden.delete(run);
      else model.hidden.add(run);
      changed();
    };
    const show = h("input", { type: "checkbox", "aria-label": `draw ${isolated(run)}`, onchange: toggle });
    const choose = () => (model.choose(record), changed());
    const focus = h("input", {
      type: "radio",
      name: "focus",
      "aria-label": `details of ${isolated(run)} on ${isolated(node)}`,
      onchange: choose,
    });
    const swatch = h("span", { class: "swatch" });
    swatch.style.setProperty("--swatch", `var(${model.colour(record)})`);
    const names = ["state", "heard", "step", "loss", "memory", "lost"] as const;
    const cells = Object.fromEntries(names.map((name) => [name, h("td", { class: name })])) as unknown as Row["cells"];
    const first = [
      h("td", {}, show),
      h("td", {}, focus),
      h("th", { scope: "row" }, swatch, h("bdi", {}, run)),
      h("td", {}, h("bdi", {}, node)),
    ];
    return { element: h("tr", {}, ...first, ...names.map((name) => cells[name])), cells, show, focus };
  };

  return {
    element,
    update(): void {
      const over = model.connection === "ended";
      const states: string[] = [];
      for (const record of model.runs.flatMap((run) => model.store.nodes(run))) {
        const key = JSON.stringify([record.run, record.node]);
        let row = rows.get(key);
        if (!row) {
          rows.set(key, (row = makeRow(record)));
          body.append(row.element);
        }
        const { cells, show, focus } = row;
        const told = stateNow(record, model.now());
        const age = Math.max(0, model.now() - Math.max(record.time, record.heard));
        const state = told?.phase ?? nodeState(age, record.time - record.before, over);
        const text = told ? PHASE_NAMES[told.phase] : state;
        states.push(`${isolated(record.run)} on ${isolated(record.node)}: ${text}`);
        show.checked = !model.hidden.has(record.run);
        focus.checked = model.node === record;
        row.element.classList.toggle("focused", focus.checked);
        cells.state.dataset["state"] = state;
        setText(cells.state, text);
        setText(cells.heard, record.time === 0 && record.heard === 0 ? "–" : `${durationText(age / 1000)} ago`);
        setText(cells.step, record.step.toLocaleString("en"));
        setText(cells.loss, number(record.series.get("train/loss")?.last));
        setText(cells.memory, bytesText(record.series.get("process/rss_bytes")?.last));
        setText(cells.lost, record.dropped === 0 ? "" : `${record.dropped} metrics`);
      }
      setText(said, states.length > 0 ? states.join("; ") : "No metric has come yet.");
      said.classList.toggle("hidden-text", states.length > 0);
      table.hidden = states.length === 0;
    },
  };
}
