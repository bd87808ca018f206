/** The plot of a chart, as uPlot takes it. */
import { describe, expect, it, vi } from "vitest";
import { h } from "../../../../src/monitor/web/page/dom.ts";
import type { PlotLine, PlotOptions } from "../../../../src/monitor/web/page/plot.ts";
import { bandsOf } from "./chart-fixture.ts";
import { event, find, shown, usePage } from "./fixture.ts";

usePage();

const LINE: PlotLine = { look: { colour: 2, dash: 0 } };

type Columns = readonly (readonly (number | null)[])[];
const COLUMNS: Columns = [[0, 10, 20], [1, 4, 2]]; // prettier-ignore

async function plot(more: Partial<PlotOptions> = {}, data = COLUMNS) {
  // Loaded while there is a page: uPlot keeps what it finds.
  const { makePlot } = await import("../../../../src/monitor/web/page/plot.ts");
  const place = shown(h("div"));
  const told = { onCursor: vi.fn<() => void>(), onZoom: vi.fn<(zoom: unknown) => void>() };
  const options: PlotOptions = { lines: [LINE], axis: "step", log: false, binary: false, format: (value) => `${value} u`, bounds: () => undefined, range: () => [0, 20], ...told, ...more }; // prettier-ignore
  const made = makePlot(options, data as never, place);
  made.setScale("x", { min: 0, max: 20 });
  await Promise.resolve();
  const ends = () => [made.scales["y"]!.min, made.scales["y"]!.max];
  const marks = (axis: number, splits: readonly (number | null)[]) => (made.axes[axis]!.values as unknown as (plot: unknown, splits: readonly unknown[]) => string[])(made, splits); // prettier-ignore
  return { made, place, ...told, ends, marks };
}

describe("lines", () => {
  it("have the colour and the stroke of their look; a solid one has no stroke", async () => {
    const { made } = await plot({ lines: [LINE, { look: { colour: 1, dash: 2 } }] }, [[0, 1], [1, 2], [3, 4]]); // prettier-ignore
    const [, solid, dotted] = made.series;
    const stroke = (line: typeof solid) => (typeof line!.stroke === "function" ? (line!.stroke as (plot: unknown, i: number) => unknown)(made, 1) : line!.stroke); // prettier-ignore
    expect([stroke(solid), solid!.dash, solid!.width, solid!.alpha]).toEqual(["var(--run-2)", undefined, 1.6, 1]);
    expect([stroke(dotted), dotted!.dash]).toEqual(["var(--run-1)", [2, 3]]);
  });

  it("are marked at each point where that is asked for, and are pale behind a smoothed one", async () => {
    const { made } = await plot({ lines: [{ ...LINE, marks: true }, { ...LINE, pale: true }] }, [[0, 1], [1, 2], [3, 4]]); // prettier-ignore
    const shows = (i: number) => {
      const { show } = made.series[i]!.points!;
      return typeof show === "function" ? show(made, i, 0, 1) : show;
    };
    expect([shows(1), shows(2), made.series[2]!.width, made.series[2]!.alpha]).toEqual([true, false, 1, 0.28]);
  });

  it("have bands between a high and a low border, which are no lines", async () => {
    const { made } = await plot({ lines: [{ ...LINE, band: "high" }, { ...LINE, band: "low" }, LINE] }, [[0, 1], [3, 4], [1, 2], [2, 3]]); // prettier-ignore
    expect(bandsOf(made)).toEqual([[1, 2]]);
    expect(made.series.map(({ width }) => width).slice(1)).toEqual([0, 0, 1.6]);
  });

  it("are marked at the pointer in their colours, where a point is near", async () => {
    const { made } = await plot({ lines: [LINE, { look: { colour: 1, dash: 2 } }] }, [[0, 1], [1, 2], [3, 4]]); // prettier-ignore
    const { fill, stroke } = made.cursor.points as Record<"fill" | "stroke", (plot: unknown, i: number) => string>;
    expect([1, 2].map((i) => [fill(made, i), stroke(made, i)])).toEqual([
      ["var(--run-2)", "var(--run-2)"],
      ["var(--run-1)", "var(--run-1)"],
    ]);
    const { prox } = made.cursor.hover as { prox: unknown };
    expect(typeof prox === "function" ? (prox as () => unknown)() : prox).toBe(30);
  });

  it("are marked at the pointer where they are eight at most, but for borders and pale ones", async () => {
    const marks = async (lines: readonly PlotLine[]) => {
      const ys = Array.from(lines, () => [1, 2]);
      const { place } = await plot({ lines }, [[0, 1], ...ys]);
      return [...place.querySelectorAll<HTMLElement>(".u-cursor-pt")].map(({ style }) => style.width);
    };
    const same = (count: number) => Array.from({ length: count }, () => LINE);
    expect(await marks(same(8))).toEqual(same(8).map(() => "6px"));
    expect(await marks(same(9))).toEqual([]);
    const others = [{ ...LINE, band: "high" }, { ...LINE, band: "low" }, LINE, { ...LINE, pale: true }] as const;
    expect(await marks(others)).toEqual(["0px", "0px", "6px", "0px"]);
  });
});

describe("the y axis", () => {
  it("has room around all values, or around the bounds", async () => {
    const all = (await plot()).ends();
    expect([all[0]! <= 1, all[1]! >= 4, all[1]! < 8]).toEqual([true, true, true]);
    const bound = (await plot({ bounds: () => ({ min: 100, max: 200 }) })).ends();
    expect([bound[0]! <= 100, bound[0]! > 50, bound[1]! >= 200, bound[1]! < 400]).toEqual([true, true, true, true]);
  });

  it("goes by powers of ten on a logarithmic scale", async () => {
    const { made, ends } = await plot({ log: true }, [[0, 1, 2], [0.02, 3, 50]]); // prettier-ignore
    expect([made.scales["y"]!.distr, ends()]).toEqual([3, [0.02, 100]]);
    expect((await plot()).made.scales["y"]!.distr).toBe(1);
  });

  it("has one end as the other where all values are one", async () => {
    const [least, most] = (await plot({}, [[0, 1], [5, 5]])).ends(); // prettier-ignore
    expect([least! < 5, most! > 5]).toEqual([true, true]);
  });

  it("has no ends where nothing has a value", async () => {
    const { made } = await plot({}, [[0, 1], [null, null]]); // prettier-ignore
    expect(made.scales["y"]!.min ?? null).toBeNull();
  });

  it("is marked in the chart's words, and nowhere where there is no mark", async () => {
    const { marks } = await plot();
    expect(marks(1, [1, null, 2.5])).toEqual(["1 u", "", "2.5 u"]);
  });

  it("goes by powers of two for bytes", async () => {
    const steps = async (binary: boolean) => (await plot({ binary })).made.axes[1]!.incrs as unknown;
    const asked = (steps: unknown) => (typeof steps === "function" ? (steps as () => number[])() : (steps as number[]));
    expect(asked(await steps(true)).slice(0, 4)).toEqual([1, 2, 4, 8]);
    expect(asked(await steps(false))).toContain(2.5);
  });
});

describe("the x axis", () => {
  it("is marked with steps, or with times at distances that people count in", async () => {
    const step = await plot();
    expect(step.marks(0, [1000, 2000])).toEqual(["1,000", "2,000"]);
    const time = await plot({ axis: "relative" });
    expect([time.marks(0, [0, 60]), time.marks(0, [7200])]).toEqual([["0", "1 min"], ["2 h"]]); // prettier-ignore
    const wall = await plot({ axis: "wall" });
    const at = (second: number) => new Date(2026, 0, 2, 3, 4, second).getTime() / 1000;
    expect(wall.marks(0, [at(0), at(5)])).toEqual(["03:04:00", "03:04:05"]);
    expect(wall.marks(0, [at(0), at(60)])).toEqual(["03:04", "03:05"]);
    expect(wall.marks(0, [at(0)])).toEqual(["03:04:00"]);
    const incrs = ({ made }: typeof step) => (made.axes[0]!.incrs as unknown as () => number[])();
    expect([incrs(wall).includes(604_800), incrs(step).includes(604_800)]).toEqual([true, false]);
    const space = ({ made }: typeof step) => (made.axes[0]!.space as unknown as () => number)();
    expect([space(step), space(wall)]).toEqual([60, 80]);
  });
});

describe("the pointer", () => {
  it("tells where it is", async () => {
    const { made, onCursor } = await plot();
    const before = onCursor.mock.calls.length;
    made.setCursor({ left: 100, top: 20 });
    await Promise.resolve();
    expect(onCursor.mock.calls.length).toBeGreaterThan(before);
  });

  it("zooms to what was dragged over, and takes the mark away; a slip is a click", async () => {
    const { made, onZoom } = await plot();
    const at = (step: number) => made.valToPos(step, "x");
    made.setSelect({ left: at(5), top: 0, width: at(15) - at(5), height: 10 });
    expect(onZoom.mock.calls).toEqual([[[expect.closeTo(5), expect.closeTo(15)]]]);
    expect(made.select.width).toBe(0);
    made.setSelect({ left: 10, top: 0, width: 2, height: 10 });
    expect(onZoom).toHaveBeenCalledOnce();
    made.setSelect({ left: 10, top: 0, width: 3, height: 10 });
    expect(onZoom).toHaveBeenCalledTimes(2);
  });

  it("shows all again on a double click", async () => {
    const { place, onZoom } = await plot();
    find(place, ".u-over").dispatchEvent(event("dblclick", { button: 0 }));
    expect(onZoom.mock.calls).toEqual([[undefined]]);
  });

  it("zooms with two fingers, from the range that is drawn", async () => {
    const { place, onZoom } = await plot();
    const over = find(place, ".u-over");
    over.getBoundingClientRect = () => ({ left: 0, width: 100 }) as DOMRect;
    const touch = (type: string, ...places: number[]) => over.dispatchEvent(event(type, { touches: places.map((clientX) => ({ clientX })) })); // prettier-ignore
    touch("touchstart", 25, 75);
    touch("touchmove", 0, 100);
    expect(onZoom.mock.calls).toEqual([[[5, 15]]]);
  });
});

it("is as wide as its place, or 300 where that has no width yet", async () => {
  const { makePlot } = await import("../../../../src/monitor/web/page/plot.ts");
  expect((await plot()).made.width).toBe(600);
  const none = h("div");
  Object.defineProperty(none, "clientWidth", { value: 0 });
  const said = { format: String, bounds: () => undefined, range: () => [0, 1] as const, onCursor: () => {}, onZoom: () => {} }; // prettier-ignore
  const options: PlotOptions = { lines: [], axis: "step", log: false, binary: false, ...said };
  expect(makePlot(options, [[]], none).width).toBe(300);
});
