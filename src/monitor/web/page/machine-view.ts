/** The machines of the focused run: processors, memory, disk, GPUs. */
import { card, h, setText } from "./dom.ts";
import { bytesText, number } from "./format.ts";
import { machineOf, type GpuState } from "./machine-state.ts";
import type { Model } from "./model.ts";

const percent = (part: number | undefined) => (part === undefined ? "–" : `${Math.round(100 * part)} %`);

const gpuText = ({ index, utilization, memory, watts }: GpuState) =>
  `${index}: ${[percent(utilization), bytesText(memory), ...(watts === undefined ? [] : [`${number(Math.round(watts))} W`])].join(", ")}`;

/** J as people pay for them. */
const energyText = (joules: number | undefined) => (joules === undefined ? "–" : `${number(joules / 3.6e6)} kWh`);

const HEADS = ["node", "processors", "of them this run", "memory in use", "disk free", "GPUs", "energy of the GPUs"];

/** A row for each node of the run. Their history is among the further metrics. */
export function machineView(model: Model) {
  const body = h("tbody");
  const table = h("table", { class: "nodes" }, h("thead", {}, h("tr", {}, ...HEADS.map((head) => h("th", { scope: "col" }, head)))), body); // prettier-ignore
  const element = card("machine", "Machines", h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "machines" }, table)); // prettier-ignore
  element.hidden = true;
  const rows = new Map<string, readonly HTMLElement[]>();

  const cellsOf = (name: string) => {
    const cells = rows.get(name) ?? HEADS.slice(1).map(() => h("td"));
    if (!rows.has(name)) body.append(h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, name)), ...cells));
    rows.set(name, cells);
    return cells;
  };
  let shown: string | undefined;

  return {
    element,
    update(): void {
      const nodes = model.focus === undefined ? [] : model.store.nodes(model.focus);
      if (shown !== model.focus) {
        body.replaceChildren();
        rows.clear();
      }
      shown = model.focus;
      for (const { node, series } of nodes) {
        const machine = machineOf(series.keys(), (name) => series.get(name)?.last);
        if (!machine) continue;
        const { cpu, processCpu, memory, diskFree, gpus, joules } = machine;
        const texts = [percent(cpu), percent(processCpu), bytesText(memory), bytesText(diskFree), gpus.map(gpuText).join(" · ") || "–", energyText(joules)]; // prettier-ignore
        cellsOf(node).forEach((cell, i) => setText(cell, texts[i]!));
      }
      element.hidden = rows.size === 0;
    },
  };
}
