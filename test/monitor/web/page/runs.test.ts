/** The table of runs and nodes: what a person reads in it, and what a click or a word changes. */
import { describe, expect, it, vi } from "vitest";
import { Model, nodeKey } from "../../../../src/monitor/web/page/model.ts";
import { runsView } from "../../../../src/monitor/web/page/runs-view.ts";
import { enter, find, shown, tell, tellState, texts, usePage } from "./fixture.ts";

usePage();

const NOW = Date.parse("2026-01-02T03:04:05.000Z");

function table(model = new Model()) {
  vi.useFakeTimers({ now: NOW, toFake: ["Date"] });
  const changed = vi.fn();
  const view = runsView(model, () => (changed(), view.update()));
  const element = shown(view.element);
  const rows = () => [...element.querySelectorAll<HTMLElement>("tbody tr")];
  const row = (run: string, node = "n") => rows().find((each) => texts(each, "bdi").join() === `${run},${node}`)!;
  const names = () => rows().map((each) => texts(each, "bdi").join(" "));
  const count = () => texts(element, ".controls .rows")[0];
  return { ...view, model, changed, rows, row, names, count, said: () => find(element, ".said") };
}

function three() {
  const made = table();
  tell(made.model, "b", { "train/loss": 0.5, "process/rss_bytes": 2 ** 30 }, { step: 1500, dropped: 2 });
  tell(made.model, "a", { "train/loss": 0.25 }, { step: 10 });
  tell(made.model, "a", { "train/loss": 0.75 }, { step: 20 });
  tell(made.model, "a", { "train/grad_norm": 3 }, { node: "m" });
  made.update();
  return made;
}

describe("without a metric", () => {
  it("says so, and shows neither the table nor what is asked of it", () => {
    const { element, update, said } = table();
    update();
    expect(said().textContent).toBe("No metric has come yet.");
    expect(said().classList.contains("hidden-text")).toBe(false);
    expect([find(element, ".controls").hidden, find(element, ".scroll").hidden]).toEqual([true, true]);
  });
});

describe("rows", () => {
  it("have a node each, with its newest and best value and what is missing as a dash", () => {
    const { names, row, said, element } = three();
    expect(names()).toEqual(["b n", "a n", "a m"]);
    const values = (of: HTMLElement) => Object.fromEntries([...of.querySelectorAll("td[class]")].map((td) => [td.className, td.textContent])); // prettier-ignore
    expect(values(row("b"))).toEqual({ state: "live", heard: "0 s ago", step: "1,500", last: "0.5", best: "0.5", memory: "1 GiB", lost: "2 metrics" }); // prettier-ignore
    expect(values(row("a"))).toMatchObject({ step: "20", last: "0.75", best: "0.25", memory: "–", lost: "" });
    expect(values(row("a", "m"))).toMatchObject({ last: "–", best: "–" });
    expect([find(row("a"), ".best").title, find(row("a", "m"), ".best").title]).toEqual(["at step 10", ""]);
    expect(said().textContent).toBe("\u2068b\u2069 on \u2068n\u2069: live; \u2068a\u2069 on \u2068n\u2069: live; \u2068a\u2069 on \u2068m\u2069: live"); // prettier-ignore
    expect(said().classList.contains("hidden-text")).toBe(true);
    expect([find(element, ".controls").hidden, find(element, ".scroll").hidden]).toEqual([false, false]);
  });

  it("tell a run's own state, and of one that tells none whether it still speaks", () => {
    const { model, update, row } = three();
    tellState(model, "b", { phase: "evaluating_loss" });
    const state = (run: string) => [find(row(run), ".state").dataset["state"], find(row(run), ".state").textContent];
    update();
    expect(state("b")).toEqual(["evaluating_loss", "evaluating the loss"]);
    vi.setSystemTime(NOW + 20_000);
    update();
    expect([find(row("a"), ".heard").textContent, state("a")]).toEqual(["20 s ago", ["quiet", "quiet"]]);
    model.connection = "ended";
    update();
    expect([state("a")[0], state("b")[0]]).toEqual(["ended", "evaluating_loss"]);
    vi.setSystemTime(NOW + 40_000);
    update();
    expect(state("b")).toEqual(["lost", "lost"]);
  });

  it("were heard of when the state came, or never", () => {
    const { model, update, row } = table();
    tellState(model, "s", { time: "2026-01-02T03:04:00.000Z" });
    model.store.add({ run: "never", node: "n", first: 0, last: 0, dropped: 0, metrics: [] });
    update();
    expect([find(row("s"), ".heard").textContent, find(row("never"), ".heard").textContent]).toEqual(["5 s ago", "–"]);
    vi.setSystemTime(NOW - 60_000);
    update();
    expect(find(row("s"), ".heard").textContent).toBe("0 s ago");
  });

  it("go away with their run", () => {
    const { model, update, names, count } = three();
    model.drop(["a"]);
    update();
    expect([names(), count()]).toEqual([["b n"], "1 of 1 rows, 1 drawn"]);
  });
});

describe("choices in a row", () => {
  it("draw a node or leave it out", () => {
    const { model, row, count, changed } = three();
    expect(count()).toBe("3 of 3 rows, 3 drawn");
    enter(find(row("b"), "[type=checkbox]"), false);
    expect([count(), model.shown().map(nodeKey)]).toEqual(["3 of 3 rows, 2 drawn", ['["a","n"]', '["a","m"]']]);
    expect([find(row("b"), "[type=checkbox]").checked, find(row("a"), "[type=checkbox]").checked]).toEqual([false, true]); // prettier-ignore
    enter(find(row("b"), "[type=checkbox]"), true);
    expect([model.shown().length, changed.mock.calls.length]).toEqual([3, 2]);
  });

  it("draw one only, then all again", () => {
    const { model, row, rows, changed } = three();
    const only = find<HTMLButtonElement>(row("a"), ".solo");
    const pressed = () => rows().map((each) => find(each, ".solo").getAttribute("aria-pressed"));
    expect(pressed()).toEqual(["false", "false", "false"]);
    only.click();
    expect([model.shown().map(nodeKey), pressed()]).toEqual([['["a","n"]'], ["false", "true", "false"]]);
    only.click();
    expect([model.shown().length, changed.mock.calls.length]).toEqual([3, 2]);
  });

  it("look at a node's details", () => {
    const { model, row, rows } = three();
    const looked = () => rows().map((each) => [find(each, "[type=radio]").checked, each.classList.contains("focused")]);
    expect(looked()).toEqual([[true, true], [false, false], [false, false]]); // prettier-ignore
    enter(find(row("a", "m"), "[type=radio]"), true);
    expect([model.chosen, looked()[2], looked()[0]]).toEqual(['["a","m"]', [true, true], [false, false]]);
  });

  it("show the colour of the curve, made anew only when it is another", () => {
    const { model, row, update } = three();
    const line = () => find(row("a"), "svg line") as unknown as SVGElement;
    const before = line();
    expect(before.style.stroke).toBe("var(--run-1)");
    update();
    expect(line()).toBe(before);
    model.remarks.set("a", { colour: 6, dash: 1 });
    update();
    expect([line().style.stroke, line().getAttribute("stroke-dasharray")]).toEqual(["var(--run-6)", "6 4"]);
  });
});

describe("the request", () => {
  it("finds rows by words, leaves out the others, and draws only those", () => {
    const { element, model, names, count, changed } = three();
    enter(find(element, "#run-search"), "A n", "input");
    expect([names(), count(), model.table.search]).toEqual([["a n"], "1 of 3 rows, 3 drawn", "A n"]);
    find(element, "#draw-none").click();
    expect(count()).toBe("1 of 3 rows, 2 drawn");
    enter(find(element, "#run-search"), "", "input");
    find(element, "#draw-none").click();
    expect(model.shown()).toEqual([]);
    find(element, "#draw-all").click();
    expect([count(), changed.mock.calls.length]).toEqual(["3 of 3 rows, 3 drawn", 5]);
  });

  it("finds runs by their tags and notes", () => {
    const { element, model, names, update } = three();
    model.remarks.set("b", { tags: "good one", note: "Warm start" });
    model.table = { ...model.table, search: "good warm" };
    update();
    expect([names(), find(element, "#run-search").value]).toEqual([["b n"], "good warm"]);
    model.remarks.set("b", { tags: "Warm" });
    model.remarks.set("a", { note: "Cold" });
    model.table = { ...model.table, search: "undefined" };
    update();
    expect(names()).toEqual([]);
  });

  it("does not overwrite a word that is being written", () => {
    const { element, model, update } = three();
    const search = find(element, "#run-search");
    search.focus();
    search.value = "half a wo";
    update();
    expect([search.value, document.activeElement === search]).toEqual(["half a wo", true]);
    search.blur();
    model.table = { ...model.table, search: "b" };
    update();
    expect(search.value).toBe("b");
  });

  it("chooses the metric of the columns, one that has not come too; those of stages and noise are none", () => {
    const { element, model, update, row } = three();
    tell(model, "b", { "stage/score/queue": 1, "loss_by_noise/weighted/1.00": 2, "eval/bpd": 3 });
    update();
    const metric = find<HTMLSelectElement>(element, "#run-metric");
    expect(texts(metric, "option")).toEqual(["train/loss", "process/rss_bytes", "eval/bpd", "train/grad_norm"]);
    const options = [...metric.options];
    update();
    expect([metric.value, [...metric.options].every((option, i) => option === options[i])]).toEqual(["train/loss", true]); // prettier-ignore
    enter(metric, "train/grad_norm");
    expect([find(row("a", "m"), ".last").textContent, find(row("b"), ".last").textContent]).toEqual(["3", "–"]);
    model.table = { ...model.table, metric: "later" };
    update();
    expect([metric.value, texts(metric, "option").at(-1)]).toEqual(["later", "later"]);
  });
});

describe("the order", () => {
  it("follows a click on a column's head, ascending, descending, none; the focus stays on the head", () => {
    const { element, names, model } = three();
    const head = () => [...element.querySelectorAll<HTMLButtonElement>("thead button")].find(({ textContent }) => textContent === "step")!; // prettier-ignore
    const told = () => [...element.querySelectorAll("th[aria-sort]")].map((th) => [th.textContent, th.getAttribute("aria-sort")]); // prettier-ignore
    expect(told()).toEqual([]);
    head().focus();
    head().click();
    expect([names(), told()]).toEqual([["a m", "a n", "b n"], [["step", "ascending"]]]);
    expect(document.activeElement).toBe(head());
    head().click();
    expect([names(), told()]).toEqual([["b n", "a n", "a m"], [["step", "descending"]]]);
    head().click();
    expect([told(), model.table.sort]).toEqual([[], undefined]);
  });

  it("moves rows and leaves the focus where it was", () => {
    const { model, row, rows, update } = three();
    const button = find<HTMLButtonElement>(row("a", "m"), ".solo");
    button.focus();
    model.table = { ...model.table, sort: { key: "step", down: false } };
    update();
    expect([rows()[0]!.contains(button), document.activeElement === button]).toEqual([true, true]);
  });

  it("touches no row that is in its place, and takes the focus from nobody", () => {
    const { element, row, update, model } = three();
    const body = find<HTMLElement>(element, "tbody");
    const moved = vi.spyOn(body, "insertBefore");
    const focused = find(row("b"), ".solo");
    focused.focus();
    const told = vi.spyOn(focused, "focus");
    update();
    expect([moved.mock.calls.length, told.mock.calls.length]).toEqual([0, 0]);
    model.drop(["b"]);
    update();
    expect([moved.mock.calls.length, told.mock.calls.length]).toEqual([0, 0]);
  });

  it("names no order of columns that are not sorted by", () => {
    const { element } = three();
    expect(texts(element, "thead th")).toEqual(["chart", "details", "run", "node", "state", "heard", "step", "last", "best", "memory", "not shown"]); // prettier-ignore
    expect(texts(element, "thead button")).toEqual(["run", "node", "state", "heard", "step", "last", "best", "memory"]);
  });
});

describe("settings in which the runs differ", () => {
  it("have a column each, by their short name, and are groups to choose", () => {
    const { element, model, update, row } = three();
    model.configs.set("a", { optim: { lr: 1, name: "adam" }, same: 1 });
    update();
    expect(texts(element, "thead th")).not.toContain("lr");
    model.configs.set("b", { optim: { lr: 2 }, same: 1 });
    update();
    expect(texts(element, "thead th").slice(9, 11)).toEqual(["lr", "name"]);
    expect([texts(row("a"), ".setting"), texts(row("b"), ".setting")]).toEqual([["1", "adam"], ["2", "–"]]); // prettier-ignore
    expect([...row("b").children].map(({ className }) => className).slice(-4)).toEqual(["setting", "setting", "memory", "lost"]); // prettier-ignore
    const group = find<HTMLSelectElement>(element, "#group");
    expect([texts(group, "option"), group.value]).toEqual([["no setting", "optim.lr", "optim.name"], ""]);
    enter(group, "optim.lr");
    expect([model.table.group, group.value]).toEqual(["optim.lr", "optim.lr"]);
    expect(texts(element, "p.note")).toEqual([""]);
  });

  it("are chosen by an address too, one that has not come as well", () => {
    const { element, model, update, row } = three();
    model.configs.set("a", { lr: 1 });
    model.configs.set("b", { lr: 2 });
    model.table = { ...model.table, group: "lr" };
    update();
    const group = find<HTMLSelectElement>(element, "#group");
    const options = [...group.options];
    const cell = find(row("a"), ".setting");
    expect(group.value).toBe("lr");
    update();
    expect([[...group.options].every((option, i) => option === options[i]), find(row("a"), ".setting") === cell]).toEqual([true, true]); // prettier-ignore
    model.table = { ...model.table, group: "later" };
    update();
    expect([group.value, texts(group, "option")]).toEqual(["later", ["no setting", "lr", "later"]]);
  });

  it("are not known of a run whose configuration is elsewhere", () => {
    const { model, update, row } = three();
    model.configs.set("b", undefined).set("a", { lr: 1 }).set("c", { lr: 2 });
    update();
    expect([texts(row("a"), ".setting"), texts(row("b"), ".setting")]).toEqual([["1"], ["–"]]);
    model.configs.delete("c");
    update();
    expect(texts(row("a"), ".setting")).toEqual([]);
  });

  it("stand above the remarks on the run that is looked at", () => {
    const { element, model, update } = three();
    model.remarks.set("b", { note: "kept" });
    update();
    expect([find(element, ".remarks bdi").textContent, find(element, "#run-note").value]).toEqual(["b", "kept"]);
  });

  it("are counted where they are too many for columns", () => {
    const { element, model, update, row } = three();
    const settings = (add: number) => Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`s${i}`, i + add]));
    model.configs.set("a", settings(0)).set("b", settings(1));
    update();
    expect([texts(row("a"), ".setting").length, texts(element, "p.note")]).toEqual([24, ["The runs differ in 6 more settings."]]); // prettier-ignore
  });
});
