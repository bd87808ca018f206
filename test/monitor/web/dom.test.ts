/** Views of the page on elements that are none. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { card, h, setText, svg } from "../../../src/monitor/web/page/dom.ts";
import type { GridKind } from "../../../src/monitor/web/run-files.ts";
import { Model } from "../../../src/monitor/web/page/model.ts";
import { samplesView } from "../../../src/monitor/web/page/samples-view.ts";
import { tilesView } from "../../../src/monitor/web/page/tiles-view.ts";
import { TIME } from "../fixture.ts";

/** As much of an element as the views use. */
class Fake extends EventTarget {
  readonly attributes: Record<string, string> = {};
  readonly children: (Fake | string)[] = [];
  /** Times that its text was set. */
  told = 0;
  hidden = false;
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
    if (name === "value" || name === "max") Object.assign(this, { [name]: value });
  }
  getAttribute(name: string): string | undefined {
    return name === "src" ? (this as { src?: string }).src : this.attributes[name];
  }
  append(...children: (Fake | string)[]): void {
    this.children.push(...children);
  }
  get textContent(): string {
    return this.children.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }
  set textContent(text: string) {
    this.told++;
    this.children.splice(0, this.children.length, text);
  }
  /** All of a name below it. */
  all(name: string): Fake[] {
    const within = this.children.filter((child) => typeof child !== "string");
    return within.flatMap((child) => [...(child.name === name ? [child] : []), ...child.all(name)]);
  }
}
const fake = (element: unknown) => element as Fake;

beforeEach(() => {
  const createElement = (name: string) => new Fake(name);
  vi.stubGlobal("document", { createElement, createElementNS: (space: string, name: string) => new Fake(`${space} ${name}`) }); // prettier-ignore
});
afterEach(() => void vi.unstubAllGlobals());

describe("elements", () => {
  it("have their attributes, their listeners and their children, but for what is left out", () => {
    let clicks = 0;
    const inner = h("b", {}, "text");
    const attributes = { id: "a", hidden: true, disabled: false, title: undefined, max: 0, onclick: () => clicks++ };
    const element = fake(h("p", attributes, "one", undefined, false, inner));
    expect(element.attributes).toEqual({ id: "a", hidden: "", max: "0" });
    expect(element.children).toEqual(["one", inner]);
    element.dispatchEvent(new Event("click"));
    expect([element.name, clicks]).toEqual(["p", 1]);
    expect(fake(svg("g", { x: 1 })).name).toBe("http://www.w3.org/2000/svg g");
    expect(fake(svg("g", { x: 1.5 }, "t"))).toMatchObject({ attributes: { x: "1.5" }, children: ["t"] });
  });

  it("are told a text only when it is another", () => {
    const element = h("p", {}, "one");
    setText(element, "one");
    expect(fake(element).told).toBe(0);
    setText(element, "two");
    expect([fake(element).told, element.textContent]).toEqual([1, "two"]);
  });

  it("stand on cards under a heading that names them", () => {
    const element = fake(card("a", "Title", "text"));
    expect(element.attributes).toEqual({ id: "a", class: "card", "aria-labelledby": "a-title" });
    expect([element.all("h2")[0]!.attributes, element.textContent]).toEqual([{ id: "a-title" }, "Titletext"]);
  });
});

it("grids of samples: who looks at the newest keeps looking at it, who went back stays", () => {
  const { element, update } = samplesView();
  const [image, slider, name, none] = ["img", "input", "output", "p"].map((tag) => fake(element).all(tag)[0]!) as [
    Fake & { src?: string; alt?: string },
    Fake & { value: string; max: string; disabled?: boolean },
    Fake,
    Fake,
  ];
  const grid = (step?: number, kind: GridKind = "samples") => ({ name: `s ${step}.png`, step, kind, bytes: 1, modified: TIME }); // prettier-ignore
  update("a/b", []);
  const pair = fake(element).all("div")[0]!;
  expect([pair.hidden, none.hidden, slider.max, slider.disabled]).toEqual([true, false, "0", true]);
  update("a/b", [grid(1000)]);
  expect([image.hidden, none.hidden, slider.disabled, name.textContent]).toEqual([false, true, true, "step 1,000 (1 of 1)"]); // prettier-ignore
  expect(image.src).toBe("api/runs/a%2Fb/samples/s%201000.png?modified=2026-01-02T03%3A04%3A05.678Z");
  expect(image.alt).toBe("grid of samples, averaged parameters, step 1,000");
  update("a/b", [grid(1000), grid(2000)]);
  expect([slider.value, slider.disabled, name.textContent]).toEqual(["1", false, "step 2,000 (2 of 2)"]);
  slider.value = "0";
  slider.dispatchEvent(new Event("input"));
  expect(name.textContent).toBe("step 1,000 (1 of 2)");
  update("a/b", [grid(1000), grid(2000), grid()]);
  expect([slider.value, slider.max, name.textContent]).toEqual(["0", "2", "step 1,000 (1 of 3)"]);
  const raw = fake(element).all("figure")[1]!;
  expect(raw.hidden).toBe(true);
  update("a/b", [grid(1000), grid(1000, "nearest"), { ...grid(1000, "raw"), name: "raw.png" }, grid(2000)]);
  expect([slider.max, name.textContent, raw.hidden]).toEqual(["1", "step 1,000 (1 of 2)", false]);
  expect((raw.all("img")[0] as unknown as { src: string }).src).toContain("/samples/raw.png?");
  slider.value = "1";
  slider.dispatchEvent(new Event("input"));
  expect(raw.hidden).toBe(true);
  update("other", [grid(1000), grid()]);
  expect(name.textContent).toBe("s undefined.png (2 of 2)");
});

it("tiles: the newest numbers of the focused run, and how far it is", () => {
  const model = new Model();
  const { element, update } = tilesView();
  const tiles = () => fake(element).all("div").map((tile) => tile.all("dd").filter((dd) => dd.all("progress").length === 0).map(({ textContent }) => textContent)); // prettier-ignore
  update(model);
  expect(element.hidden).toBe(true);
  const values = {
    ...{ "train/loss": 0.5, "train/grad_norm": 1.5, "train/learning_rate": 2e-4, "train/images_per_second": 640 },
    ...{ "train/seconds_per_step": 0.2, "eval/bpd": 3.25, "eval/bound": 3.5, "process/rss_bytes": 2 ** 30 },
  };
  const metrics = Object.entries(values).map(([name, value]) => ({ name, value, step: 1500, unit: "1", time: TIME }));
  model.store.add({ run: "r", node: "n", first: 1, last: 8, dropped: 0, metrics });
  update(model);
  const numbers = [
    ["0.5", ""],
    ["1.5", ""],
    ["2.00e-4", ""],
    ["640", "5 steps/s"],
    ["3.25", "by the ODE"],
    ["3.5", "bits/dim"],
    ["1 GiB", "resident"],
  ];
  expect(tiles()).toEqual([["1,500", ""], ...numbers]);
  const progress = fake(element).all("progress")[0] as Fake & { value: number };
  expect([element.hidden, progress.hidden, progress.value]).toEqual([false, true, 0]);
  model.configs.set("r", { training: { steps: 2000 } });
  update(model);
  expect(tiles()).toEqual([["1,500", "of 2,000, 1 min 40 s left"], ...numbers]);
  expect([progress.hidden, progress.value]).toEqual([false, 0.75]);
  model.configs.set("r", { training: { steps: 1000 } });
  update(model);
  expect([tiles()[0], progress.value]).toEqual([["1,500", "of 1,000"], 1]);
});
