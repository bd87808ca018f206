/** The machines of the looked-at run, one row each. */
import { expect, it } from "vitest";
import { machineView } from "../../../../src/monitor/web/page/machine-view.ts";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { shown, tell, texts, usePage } from "./fixture.ts";

usePage();

function machines() {
  const model = new Model();
  const view = machineView(model);
  shown(view.element);
  const rows = () => [...view.element.querySelectorAll("tbody tr")].map((row) => texts(row, "th, td"));
  return { ...view, model, rows };
}

const ALL = {
  ...{ "machine/cpu": 0.5, "machine/process_cpu": 0.254, "machine/memory_bytes": 2 ** 30, "machine/energy": 7.2e6 },
  ...{ "machine/disk_free_bytes": 2 ** 40, "machine/gpu0/utilization": 0.9, "machine/gpu0/memory_bytes": 1024 },
  ...{ "machine/gpu0/watts": 120.4, "machine/gpu1/utilization": 0.1 },
};

it("is hidden where no machine tells of itself", () => {
  const { element, update, model } = machines();
  expect(element.hidden).toBe(true);
  expect(texts(element, "thead th")).toEqual(["node", "processors", "of them this run", "memory in use", "disk free", "GPUs", "energy of the GPUs"]); // prettier-ignore
  update();
  expect(element.hidden).toBe(true);
  tell(model, "r", { "train/loss": 1 });
  update();
  expect(element.hidden).toBe(true);
});

it("has a row for each node that does, with a dash for what it does not tell", () => {
  const { element, update, model, rows } = machines();
  tell(model, "r", ALL);
  tell(model, "r", { "machine/cpu": 1 }, { node: "m" });
  tell(model, "r", { "train/loss": 1 }, { node: "silent" });
  update();
  expect([element.hidden, rows()]).toEqual([
    false,
    [
      ["n", "50 %", "25 %", "1 GiB", "1 TiB", "0: 90 %, 1 KiB, 120 W · 1: 10 %, –", "2 kWh"],
      ["m", "100 %", "–", "–", "–", "–", "–"],
    ],
  ]);
});

it("changes cells in their place, and has the rows of the looked-at run only", () => {
  const { element, update, model, rows } = machines();
  tell(model, "r", ALL);
  update();
  const cell = element.querySelector("td");
  tell(model, "r", { "machine/cpu": 0.75 }, { step: 2 });
  update();
  expect([element.querySelector("td") === cell, rows()[0]![1], rows().length]).toEqual([true, "75 %", 1]);
  tell(model, "other", { "machine/cpu": 0.1 }, { node: "o" });
  model.choose(model.store.nodes("other")[0]!);
  update();
  expect(rows().map(([name]) => name)).toEqual(["o"]);
  model.drop(["other", "r"]);
  update();
  expect([element.hidden, rows()]).toEqual([true, []]);
});
