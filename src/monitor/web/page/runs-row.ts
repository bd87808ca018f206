/** A row of the table of runs, on the page. */
import { h, isolated, setText } from "./dom.ts";
import { bytesText, durationText, number } from "./format.ts";
import { swatch } from "./looks.ts";
import type { Model } from "./model.ts";
import { arrange } from "./order.ts";
import type { RunRow } from "./run-rows.ts";
import type { NodeRecord } from "./store.ts";

const NAMES = ["state", "heard", "step", "last", "best", "memory", "lost"] as const;

/** @param changed Told when something else is to be drawn. */
export function runsRow(model: Model, record: NodeRecord, changed: () => void) {
  const { run, node } = record;
  const [inRun, onNode] = [isolated(run), isolated(node)];
  const toggle = () => (model.setShown([record], show.checked), changed());
  const show = h("input", { type: "checkbox", "aria-label": `draw ${inRun} on ${onNode}`, onchange: toggle });
  const alone = () => (model.solo(record), changed());
  const solo = h("button", { type: "button", class: "solo", "aria-label": `draw only ${inRun} on ${onNode}`, "aria-pressed": "false", onclick: alone }, "only"); // prettier-ignore
  const choose = () => (model.choose(record), changed());
  const focus = h("input", { type: "radio", name: "focus", "aria-label": `details of ${inRun} on ${onNode}`, onchange: choose }); // prettier-ignore
  const mark = h("span");
  const cells = Object.fromEntries(NAMES.map((name) => [name, h("td", { class: name })])) as unknown as Record<(typeof NAMES)[number], HTMLElement>; // prettier-ignore
  const { memory, lost, ...others } = cells;
  const first = [
    h("td", {}, h("div", { class: "draw" }, show, solo)),
    h("td", {}, focus),
    h("th", { scope: "row" }, mark, h("bdi", {}, run)),
    h("td", {}, h("bdi", {}, node)),
    ...Object.values(others),
  ];
  const settings = new Map<string, HTMLElement>();
  const element = h("tr");
  let look = "";

  return {
    element,
    /** @param names Settings that have a column. */
    update({ phase, state, age, last, best, memory: bytes, settings: values }: RunRow, names: readonly string[]): void {
      // prettier-ignore
      for (const name of names) if (!settings.has(name)) settings.set(name, h("td", { class: "setting" }));
      arrange(element, [...first, ...names.map((name) => settings.get(name)!), memory, lost]);
      for (const name of names) setText(settings.get(name)!, (values.get(name) ?? "–").replaceAll('"', ""));
      const now = model.look(record);
      if (look !== JSON.stringify(now)) mark.replaceChildren(swatch(now));
      look = JSON.stringify(now);
      show.checked = model.shown().includes(record);
      solo.setAttribute("aria-pressed", String(model.isSolo(record)));
      focus.checked = model.node === record;
      element.classList.toggle("focused", focus.checked);
      cells.state.dataset["state"] = phase;
      setText(cells.state, state);
      setText(cells.heard, age === undefined ? "–" : `${durationText(age / 1000)} ago`);
      setText(cells.step, record.step.toLocaleString("en"));
      setText(cells.last, number(last));
      setText(cells.best, number(best?.value));
      cells.best.title = best ? `at step ${best.step.toLocaleString("en")}` : "";
      setText(memory, bytesText(bytes));
      setText(lost, record.dropped === 0 ? "" : `${record.dropped} metrics`);
    },
  };
}
