/** All charts: which there are, which curves they have, and what is asked of all of them. */
import type uPlot from "uplot";
import { describe, expect, it, vi } from "vitest";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { useCharts } from "./chart-fixture.ts";
import { enter, event, find, shown, tell, texts, usePage } from "./fixture.ts";

usePage();
useCharts();

async function charts(fill: (model: Model) => void) {
  // Loaded while there is a page: uPlot keeps what it finds.
  const { chartsView } = await import("../../../../src/monitor/web/page/charts-view.ts");
  const model = new Model();
  fill(model);
  const changed = vi.fn<() => void>();
  const view = chartsView(model, changed);
  const element = shown(view.element);
  view.update();
  await Promise.resolve();
  const drawn = () => texts(element, "figure.chart:not([hidden]) h3");
  const figure = (title: string) => [...element.querySelectorAll<HTMLElement>("figure.chart")].find((each) => texts(each, "h3")[0] === title)!; // prettier-ignore
  const legend = (title: string) => [...figure(title).querySelectorAll(".legend li")].map((li) => texts(li, "bdi, b").join(" ")); // prettier-ignore
  const more = find<HTMLDetailsElement>(element, "details.more");
  return { ...view, model, changed, drawn, figure, legend, more };
}

const at = (step: number, second: number) => ({ step, time: new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString() }); // prettier-ignore

describe("charts", () => {
  it("are those of the metrics that have come with a finite value", async () => {
    const { drawn, more } = await charts((model) => {
      tell(model, "r", { "train/loss": 1, "eval/bound": 2, "train/grad_norm": NaN, "process/rss_bytes": 1024 });
    });
    expect([drawn(), more.hidden]).toEqual([["Loss", "Bits/dim", "Memory"], true]);
  });

  it("name a curve by its run and node only where there are several", async () => {
    const { legend, model, update } = await charts((model) => tell(model, "a", { "eval/bpd": 3, "eval/bound": 4 }));
    expect(legend("Bits/dim")).toEqual(["ODE 3", "bound 4"]);
    tell(model, "b", { "eval/bpd": 5 });
    tell(model, "b", { "eval/bpd": 6 }, { node: "m" });
    update();
    expect(legend("Bits/dim")).toEqual(["\u2068a\u2069 · ODE 3", "\u2068a\u2069 · bound 4", "\u2068b\u2069 · \u2068n\u2069 · ODE 5", "\u2068b\u2069 · \u2068m\u2069 · ODE 6"]); // prettier-ignore
  });

  it("have a range over very many series", async () => {
    const { model } = await charts((model) => {
      const values = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`stage/s${i}/queue`, i]));
      for (const step of [3, 9]) for (const run of ["a", "b"]) tell(model, run, values, { step });
    });
    expect(model.view.range).toEqual([3, 9]);
  });

  it("tell the curves of one node in one chart apart by their strokes", async () => {
    const { figure } = await charts((model) => tell(model, "a", { "eval/bpd": 3, "eval/bound": 4 }));
    const lines = [...figure("Bits/dim").querySelectorAll<SVGElement>("svg line")];
    expect(lines.map((line) => [line.style.stroke, line.getAttribute("stroke-dasharray")])).toEqual([["var(--run-0)", ""], ["var(--run-0)", "6 4"]]); // prettier-ignore
  });

  it("leave out nodes that are not drawn", async () => {
    const { legend, model, update, drawn } = await charts((model) => {
      for (const run of ["a", "b"]) tell(model, run, { "train/loss": 1 });
    });
    model.setShown(model.store.nodes("a"), false);
    update();
    expect(legend("Loss")).toEqual(["\u2068b\u2069 1"]);
    model.setShown(model.store.nodes("b"), false);
    update();
    expect(drawn()).toEqual([]);
  });

  it("draw runs with one value of a setting as one mean, in a colour of its own", async () => {
    const { legend, model, update, figure } = await charts((model) => {
      for (const [run, loss] of [["a", 1], ["b", 3], ["c", 10]] as const) tell(model, run, { "train/loss": loss }); // prettier-ignore
      tell(model, "d", { "train/grad_norm": 1 });
    });
    model.configs.set("a", { lr: 1 }).set("b", { lr: 1 }).set("c", { lr: 2 }).set("d", { lr: 3 });
    model.table = { ...model.table, group: "lr" };
    update();
    expect(legend("Loss")).toEqual(["lr=1 (2 runs) 2", "lr=2 (1 run) 10"]);
    const strokes = [...figure("Loss").querySelectorAll<SVGElement>("svg line")].map(({ style }) => style.stroke);
    expect(strokes).toEqual(["var(--run-0)", "var(--run-1)"]);
    expect(legend("Gradient norm")).toEqual(["lr=3 (1 run) 1"]);
  });
});

describe("points", () => {
  it("are marked where there is one only, and always of evaluations", async () => {
    const { element, model, update } = await charts((model) => tell(model, "r", { "train/loss": 1, "eval/bpd": 2 }));
    const { default: uPlot } = await import("uplot");
    const marked = () => Object.fromEntries(uPlot.sync("step").plots.filter(({ root }) => element.contains(root)).map((plot) => [texts(plot.root.closest("figure")!, "h3")[0], isMarked(plot)])); // prettier-ignore
    const isMarked = (plot: uPlot) => {
      const { show } = plot.series.at(-1)!.points!;
      return typeof show === "function" ? show(plot, 1, 0, 1) : show;
    };
    expect(marked()).toEqual({ Loss: true, "Bits/dim": true });
    tell(model, "r", { "train/loss": 1, "eval/bpd": 2 }, { step: 2 });
    update();
    expect(marked()).toEqual({ Loss: false, "Bits/dim": true });
    model.table = { ...model.table, group: "lr" };
    update();
    expect(marked()).toEqual({ Loss: false, "Bits/dim": true });
  });
});

describe("further metrics", () => {
  it("have a chart each, but for those of stages and of noise; they are drawn when they are opened", async () => {
    const { more, drawn, figure, update, changed, model, legend } = await charts((model) => {
      tell(model, "r", { "train/loss": 1, mine: 2, "stage/score/queue": 1, "loss_by_noise/weighted/1.00": 2 });
      tell(model, "r", { wait: 0.5 }, { unit: "s" });
    });
    expect([more.hidden, texts(more, "h3")]).toEqual([false, ["mine", "wait (s)"]]);
    expect(figure("mine").querySelector("canvas")).toBeNull();
    more.open = true;
    more.dispatchEvent(event("toggle"));
    expect(changed).toHaveBeenCalled();
    update();
    expect([drawn(), legend("wait (s)")]).toEqual([["Loss", "mine", "wait (s)"], [" 500 ms"]]);
    tell(model, "r", { mine: 3 }, { step: 2 });
    update();
    expect(texts(more, "h3")).toEqual(["mine", "wait (s)"]);
  });
});

describe("the axis", () => {
  const two = (model: Model) => {
    tell(model, "a", { "train/loss": 1 }, at(10, 0));
    tell(model, "a", { "train/loss": 2 }, at(30, 20));
    tell(model, "b", { "train/loss": 3 }, at(20, 10));
    tell(model, "b", { "train/loss": 4, mine: 1 }, at(25, 15));
  };
  const START = Date.UTC(2026, 0, 2, 3, 4) / 1000;

  it.each([
    ["step", [10, 30]],
    ["relative", [0, 20]],
    ["wall", [START, START + 20]],
  ] as const)("goes over all runs: %s", async (axis, range) => {
    const { model, update } = await charts(two);
    model.view = { ...model.view, axis };
    update();
    expect(model.view.range).toEqual(range);
  });

  it("keeps its range while nothing is drawn, and follows the runs that are", async () => {
    const { model, update } = await charts(two);
    model.setShown(model.store.nodes("a"), false);
    update();
    expect(model.view.range).toEqual([20, 25]);
    model.setShown(model.store.nodes("b"), false);
    update();
    expect(model.view.range).toEqual([20, 25]);
  });

  it("is that of the controls, which show the zoom of any chart", async () => {
    const { element, model, update, figure, changed } = await charts(two);
    figure("Loss").dispatchEvent(event("keydown", { key: "+" }));
    expect([model.view.zoom, changed.mock.calls.length]).toEqual([[15, 25], 1]);
    update();
    expect(find<HTMLButtonElement>(element, "#reset").disabled).toBe(false);
    enter(find(element, "#axis"), "relative");
    update();
    expect(find<HTMLButtonElement>(element, "#reset").disabled).toBe(true);
    expect([model.view.range, model.view.zoom]).toEqual([[0, 20], undefined]);
  });
});

it("takes the colours anew, of opened and of closed charts", async () => {
  const { more, figure, update, recolour } = await charts((model) => tell(model, "r", { "train/loss": 1, mine: 2 }));
  more.open = true;
  update();
  const before = ["Loss", "mine"].map((title) => find(figure(title), "canvas"));
  recolour();
  const after = ["Loss", "mine"].map((title) => find(figure(title), "canvas"));
  expect(after.map((canvas, i) => canvas === before[i])).toEqual([false, false]);
});
