/** The table of runs: settings that differ, search, order, and the order of its elements. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { arrange } from "../../../src/monitor/web/page/order.ts";
import { bestOf, isFound, nextSort, sorted, type RunRow } from "../../../src/monitor/web/page/run-rows.ts";
import { differing, shortNames } from "../../../src/monitor/web/page/settings.ts";
import type { NodeRecord } from "../../../src/monitor/web/page/store.ts";

const row = (run: string, more: Partial<RunRow> = {}): RunRow => ({
  record: { run, node: "node", step: run.length } as NodeRecord,
  ...{ phase: "training", state: "training", age: 1, last: undefined, best: undefined, memory: undefined },
  ...{ settings: new Map(), words: "" },
  ...more,
});
const runs = (rows: readonly RunRow[]) => rows.map(({ record }) => record.run);

describe("settings that differ", () => {
  const config = (lr: number, more = {}) => ({ sde: "vp", optim: { lr, beta: 0.9 }, ...more });

  it("are those that are not the same in all runs whose configuration is known", () => {
    const all = new Map([["a", config(1)], ["b", config(2, { extra: [1] })], ["c", undefined]]); // prettier-ignore
    const { names, values } = differing(all);
    expect(names).toEqual(["optim.lr", "extra"]);
    expect(["a", "b", "c"].map((run) => values.get(run)?.get("optim.lr"))).toEqual(["1", "2", undefined]);
    expect(differing(new Map([["a", config(1)]])).names).toEqual([]);
  });

  it("have short names where these are enough", () => {
    expect(shortNames(["optim.lr", "model.seed", "data.seed", "sde"])).toEqual([
      "lr",
      "model.seed",
      "data.seed",
      "sde",
    ]);
  });
});

describe("best values", () => {
  it("are the smallest, of rates the largest; NaN is none", () => {
    const series = { steps: [1, 2, 3, 4], values: [NaN, 5, 2, 7] };
    expect(bestOf("train/loss", series)).toEqual({ value: 2, step: 3 });
    expect(bestOf("train/images_per_second", series)).toEqual({ value: 7, step: 4 });
    expect(bestOf("train/loss", { steps: [1], values: [NaN] })).toBeUndefined();
  });
});

describe("the order of rows", () => {
  it("is by numbers, by text with its numbers, and by settings; who has no value comes last", () => {
    const rows = [row("r10", { last: 3 }), row("r9", { last: NaN }), row("r100", { last: 1 }), row("x", { last: 2 })];
    expect(runs(sorted(rows, { key: "run", down: false }))).toEqual(["r9", "r10", "r100", "x"]);
    expect(runs(sorted(rows, { key: "last", down: false }))).toEqual(["r100", "x", "r10", "r9"]);
    expect(runs(sorted(rows, { key: "last", down: true }))).toEqual(["r10", "x", "r100", "r9"]);
    expect(runs(sorted(rows, undefined))).toEqual(runs(rows));
    const set = (run: string, value?: string) => row(run, { settings: new Map(value ? [["optim.lr", value]] : []) });
    const withSettings = [set("a", "0.01"), set("b"), set("c", "1e-3")];
    expect(runs(sorted(withSettings, { key: "setting:optim.lr", down: false }))).toEqual(["c", "a", "b"]);
    expect(runs(sorted(withSettings, { key: "setting:optim.lr", down: true }))).toEqual(["a", "c", "b"]);
  });

  it("goes up, down and away with each click", () => {
    const up = nextSort(undefined, "step");
    const down = nextSort(up, "step");
    expect([up, down, nextSort(down, "step"), nextSort(down, "run")]).toEqual([
      { key: "step", down: false },
      { key: "step", down: true },
      undefined,
      { key: "run", down: false },
    ]);
  });
});

it("a row is found by all words in its names, state, tags and settings that differ", () => {
  const one = row("cifar10-1", { settings: new Map([["optim.lr", "0.001"], ["sde", '"vp"']]), words: "baseline" }); // prettier-ignore
  const found = (words: string) => isFound(one, ["optim.lr", "sde"], words);
  expect(["", "CIFAR train", "lr=0.001", "sde=vp node", "baseline"].map(found)).toEqual([true, true, true, true, true]);
  expect(["lr=0.01", "cifar failed"].map(found)).toEqual([false, false]);
  expect(isFound(one, [], "sde=vp")).toBe(false);
});

describe("arrange", () => {
  afterEach(() => void vi.unstubAllGlobals());

  /** A parent whose moved children lose the focus, as a browser's do. */
  function parentOf(names: readonly string[]) {
    const page = { activeElement: undefined as unknown };
    vi.stubGlobal("document", page);
    const children: Child[] = [];
    let moves = 0;
    class Child {
      readonly name: string;
      constructor(name: string) {
        this.name = name;
      }
      remove = () => void children.splice(children.indexOf(this), 1);
      focus = () => (page.activeElement = this);
    }
    const parent = {
      children,
      contains: (child: Child) => children.includes(child),
      insertBefore(child: Child, before: Child | null) {
        moves++;
        if (page.activeElement === child) page.activeElement = undefined;
        if (children.includes(child)) child.remove();
        children.splice(before ? children.indexOf(before) : children.length, 0, child);
      },
    };
    const all = Object.fromEntries(names.map((name) => [name, new Child(name)]));
    const to = (...wanted: string[]) => arrange(parent as unknown as Element, wanted.map((name) => all[name]!) as unknown as HTMLElement[]); // prettier-ignore
    return { page, all, to, now: () => children.map(({ name }) => name), moves: () => moves };
  }

  it("puts elements in order, removes others, and leaves the focus where it is", () => {
    const { page, all, to, now, moves } = parentOf(["a", "b", "c"]);
    to("a", "b", "c");
    all["c"]!.focus();
    to("c", "a");
    expect([now(), page.activeElement]).toEqual([["c", "a"], all["c"]]);
    const before = moves();
    to("c", "a");
    expect(moves()).toBe(before);
  });
});
