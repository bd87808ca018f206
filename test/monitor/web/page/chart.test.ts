/** One chart: when it is drawn, what stands around it, and what keys do. */
import { describe, expect, it, vi } from "vitest";
import { chart, curve, LINE, useCharts, view } from "./chart-fixture.ts";
import { drawnOn, event, find, resize, texts, usePage } from "./fixture.ts";

usePage();
useCharts();

describe("a chart", () => {
  it("is hidden without a point, and names itself", async () => {
    const { element, show } = await chart();
    await show([]);
    expect(element.hidden).toBe(true);
    await show([curve("none", [])]);
    expect([element.hidden, element.querySelector("canvas")]).toEqual([true, null]);
    await show([curve("none", []), LINE]);
    expect([element.hidden, texts(element, "h3"), element.getAttribute("aria-labelledby")]).toEqual([false, ["Loss"], "chart-c"]); // prettier-ignore
    await show([]);
    expect(element.hidden).toBe(true);
  });

  it("tells the newest finite value of each curve in its legend", async () => {
    const { show, legend } = await chart();
    await show([LINE, curve("b", [3, 5, NaN])]);
    expect(legend()).toEqual(["a 16", "b 5"]);
  });

  it("draws anew only what is new: the same curves leave the canvas alone", async () => {
    const { made, show, canvas } = await chart();
    await show([LINE]);
    const first = canvas();
    const count = drawnOn(first).length;
    await show([LINE]);
    expect([canvas() === first, drawnOn(first).length]).toEqual([true, count]);
    await show([curve("a", [1, 2, 4, 8, 17])]);
    expect([canvas() === first, drawnOn(first).length > count]).toEqual([true, true]);
    made.recolour();
    expect(canvas()).not.toBe(first);
    expect(made.element.querySelectorAll("canvas").length).toBe(1);
  });

  it("does not draw for new colours while it is hidden", async () => {
    const { made, show, element } = await chart();
    await show([]);
    made.recolour();
    expect(element.querySelector("canvas")).toBeNull();
  });

  it("fits its width, once there is one", async () => {
    const { show, canvas } = await chart();
    await show([LINE]);
    expect(canvas().width).toBe(600);
    resize(0);
    await Promise.resolve();
    expect(canvas().width).toBe(600);
    resize(900);
    await Promise.resolve();
    expect(canvas().width).toBe(900);
  });
});

describe("keys on a chart", () => {
  it("zoom, and are kept from the page", async () => {
    const { show, key, zoom } = await chart();
    await show([LINE]);
    expect(key("+")).toBe(true);
    expect(zoom.mock.lastCall).toEqual([[10, 30]]);
    await show([LINE], view({ zoom: [10, 30] }));
    expect(key("ArrowRight")).toBe(true);
    expect(zoom.mock.lastCall).toEqual([[12.5, 32.5]]);
    expect(key("0")).toBe(true);
    expect(zoom.mock.lastCall).toEqual([undefined]);
  });

  it.each([
    ["x", {}],
    ["+", { ctrlKey: true }],
    ["+", { metaKey: true }],
    ["+", { altKey: true }],
  ])("leave %s with %o to the browser", async (name, more) => {
    // prettier-ignore
    const { show, key, zoom } = await chart();
    await show([LINE]);
    expect(key(name, more)).toBe(false);
    expect(zoom).not.toHaveBeenCalled();
  });

  it("do nothing where they are for a button within", async () => {
    const { show, tool, zoom } = await chart();
    await show([LINE]);
    tool("CSV").dispatchEvent(event("keydown", { key: "+" }));
    expect(zoom).not.toHaveBeenCalled();
  });
});

describe("values far from the others", () => {
  const far = curve("a", [...Array.from({ length: 60 }, (_, i) => 1 + (i % 3)), 1e6]);
  const range = [0, 600] as const;
  const outside = (element: HTMLElement) => find<HTMLElement>(element, ".outside");

  it("are outside, and counted", async () => {
    const { element, show } = await chart();
    await show([far], view({ range }));
    expect([outside(element).hidden, outside(element).textContent]).toEqual([false, "1 value is outside"]);
    await show([far, far], view({ range }));
    expect(outside(element).textContent).toBe("2 values are outside");
    await show([far], view({ range, outliers: true }));
    expect(outside(element).hidden).toBe(true);
    await show([far], view({ range, zoom: [0, 300] }));
    expect(outside(element).hidden).toBe(true);
  });

  it("of a run that diverges are outside, be there only one other", async () => {
    const { element, show, plots } = await chart();
    const good = curve("good", Array.from({ length: 60 }, (_, i) => 3 + (i % 10) / 10)); // prettier-ignore
    const bad = curve(
      "bad",
      Array.from({ length: 60 }, (_, i) => (i < 10 ? 3 : i < 40 ? 1e30 : NaN)),
    );
    await show([good, bad], view({ range }));
    expect(outside(element).textContent).toBe("30 values are outside");
    expect(plots()[0]!.scales["y"]!.max).toBeLessThan(5);
  });

  it("are told by their logarithms on a logarithmic scale", async () => {
    const wide = curve(
      "a",
      Array.from({ length: 60 }, (_, i) => 10 ** (i % 6)),
    );
    const linear = curve("a", [...Array.from({ length: 60 }, () => [1, 10, 100]).flat(), 1e4]);
    const { element, show } = await chart({ log: true });
    await show([wide], view({ range, log: true }));
    expect(outside(element).hidden).toBe(true);
    await show([linear], view({ range: [0, 1800] }));
    expect(outside(element).hidden).toBe(false);
    await show([linear], view({ range: [0, 1800], log: true }));
    expect(outside(element).hidden).toBe(true);
  });
});

describe("the table of a chart", () => {
  it("opens and closes, and follows the zoom while it is open", async () => {
    const { element, show, tool } = await chart();
    await show([LINE]);
    const place = find<HTMLElement>(element, ".values");
    expect([place.hidden, tool("Table").getAttribute("aria-expanded"), tool("Table").getAttribute("aria-label")]).toEqual([true, "false", "Table of Loss"]); // prettier-ignore
    tool("Table").click();
    expect([place.hidden, tool("Table").getAttribute("aria-expanded")]).toEqual([false, "true"]);
    expect(texts(place, "tbody tr > *")).toEqual(["a", "5", "1 step 0", "1 step 0", "16 step 40", "16 step 40"]);
    await show([LINE], view({ zoom: [10, 20] }));
    expect(texts(place, "tbody tr > *")).toEqual(["a", "2", "2 step 10", "2 step 10", "4 step 20", "4 step 20"]);
    tool("Table").click();
    await show([LINE]);
    expect([place.hidden, tool("Table").getAttribute("aria-expanded"), texts(place, "td")[0]]).toEqual([true, "false", "2"]); // prettier-ignore
  });

  it("leaves out curves without a value there, and calls one without a name a curve", async () => {
    const { element, show, tool } = await chart();
    await show([curve("", [7]), curve("late", [NaN, NaN, 1])], view({ zoom: [0, 10] }));
    tool("Table").click();
    expect(texts(element, ".values th[scope=row]")).toEqual(["curve"]);
  });
});

describe("files of a chart", () => {
  /** Names and contents of what was handed to the browser's downloads. */
  function downloads() {
    const blobs: Blob[] = [];
    const names: (string | null)[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${blobs.push(blob as Blob)}`);
    vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => {});
    const create = document.createElement.bind(document);
    vi.spyOn(document, "createElement").mockImplementation((tag: string) => {
      const element = create(tag);
      if (tag === "a") element.click = () => void names.push(element.getAttribute("download"), element.getAttribute("href")); // prettier-ignore
      return element;
    });
    return { blobs, names };
  }

  it("are its values as CSV and its picture as PNG, named after it, of what is zoomed to", async () => {
    vi.useFakeTimers();
    const { show, tool } = await chart({ title: "Time (s)" });
    await show([LINE], view({ zoom: [10, 20] }));
    const { blobs, names } = downloads();
    tool("CSV").click();
    expect([names, blobs[0]!.type]).toEqual([["Time-s-.csv", "blob:1"], "text/csv"]);
    expect(await blobs[0]!.text()).toBe("curve,step,value\r\na,10,2\r\na,20,4\r\n");
    tool("PNG").click();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(names.slice(2)).toEqual(["Time-s-.png", "blob:2"]);
    expect(vi.mocked(URL.revokeObjectURL).mock.calls).toEqual([["blob:1"], ["blob:2"]]);
    vi.restoreAllMocks();
  });
});

describe("the legend", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => curve(`c${i}`, [i, i]));

  it("names eight curves at most, and counts the others", async () => {
    const { element, show, legend } = await chart();
    const list = find<HTMLElement>(element, ".legend");
    await show(many(3));
    expect([legend().length, list.className]).toEqual([3, "legend"]);
    await show(many(8));
    expect([legend().length, list.className]).toEqual([8, "legend halves"]);
    await show(many(10));
    expect([legend().slice(0, 2), legend().slice(-2), list.className]).toEqual([["c0 0", "c1 1"], ["c7 7", "and 2 more"], "legend halves many"]); // prettier-ignore
  });
});
