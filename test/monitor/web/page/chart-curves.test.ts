/** The curves that a chart gives to its plot, and what the pointer reads of them. */
import { describe, expect, it } from "vitest";
import type { ChartOptions } from "../../../../src/monitor/web/page/chart.ts";
import type { ChartView, Curve } from "../../../../src/monitor/web/page/chart-view.ts";
import { bandsOf, chart, curve, LINE, useCharts, view } from "./chart-fixture.ts";
import { event, find, texts, usePage } from "./fixture.ts";

usePage();
useCharts();

describe("the curves of a chart", () => {
  /** The values that are given to the plot, curve by curve, without their places. */
  async function given(curves: readonly Curve[], options: Partial<ChartOptions>, more: Partial<ChartView> = {}) {
    const { show, plots } = await chart(options);
    await show(curves, view(more));
    return plots().at(-1)!;
  }
  const values = async (...of: Parameters<typeof given>) => (await given(...of)).data.slice(1).map((y) => [...y]);

  it("are drawn as they are, from the first place of all to the last", async () => {
    const { data, scales } = await given([LINE, curve("b", [5, NaN, 6])], {});
    expect(data.map((y) => [...y])).toEqual([[0, 10, 20, 30, 40], [1, 2, 4, 8, 16], [5, null, 6, undefined, undefined]]); // prettier-ignore
    expect([scales["x"]!.min, scales["x"]!.max]).toEqual([0, 40]);
  });

  it("have room about them where there is one place only", async () => {
    const { scales } = await given([curve("a", [7])], {}, { range: [0, 0] });
    expect([scales["x"]!.min, scales["x"]!.max]).toEqual([-1, 1]);
  });

  it("are cut to what is zoomed to, with a point on each side", async () => {
    const { data, scales } = await given([LINE], {}, { zoom: [15, 25] });
    expect([[...data[0]], scales["x"]!.min, scales["x"]!.max]).toEqual([[10, 20, 30], 15, 25]);
  });

  it("are smoothed where the chart may be, before the same curve as it is, paler", async () => {
    const curves = [curve("a", [0, 3])];
    const soft = [expect.closeTo(0), expect.closeTo(2)];
    expect(await values(curves, { smooth: true }, { smoothing: 0.5 })).toEqual([[0, 3], soft]);
    expect(await values(curves, { smooth: true })).toEqual([[0, 3]]);
    expect(await values(curves, {}, { smoothing: 0.5 })).toEqual([[0, 3]]);
    const { series } = await given(curves, { smooth: true }, { smoothing: 0.5 });
    expect(series.slice(1).map(({ alpha }) => alpha)).toEqual([0.28, 1]);
  });

  it("tell in the legend what is read: the smoothed value", async () => {
    const { show, legend } = await chart({ smooth: true });
    await show([curve("a", [0, 3])], view({ smoothing: 0.5 }));
    expect(legend()).toEqual(["a 2"]);
  });

  it("have gaps on a logarithmic scale where they are not positive, if the chart may have one", async () => {
    const curves = [curve("a", [1, 0, -1, 10])];
    expect(await values(curves, { log: true }, { log: true })).toEqual([[1, null, null, 10]]);
    expect(await values(curves, { log: true })).toEqual([[1, 0, -1, 10]]);
    expect(await values(curves, {}, { log: true })).toEqual([[1, 0, -1, 10]]);
    expect((await given(curves, { log: true }, { log: true })).scales["y"]!.distr).toBe(3);
  });

  it("have the band of a mean before it, the high border first, smoothed as it is", async () => {
    const x = [0, 10];
    const mean = curve("m", [2, 2], { band: { high: { x, y: [3, 6] }, low: { x, y: [1, -1] } } });
    expect(await values([mean], { smooth: true })).toEqual([[3, 6], [1, -1], [2, 2]]); // prettier-ignore
    const soft = await values([mean], { smooth: true }, { smoothing: 0.5 });
    expect(soft).toEqual([[expect.closeTo(3), expect.closeTo(5)], [expect.closeTo(1), expect.closeTo(-1 / 3)], [expect.closeTo(2), expect.closeTo(2)]]); // prettier-ignore
    expect(await values([mean], { log: true }, { log: true })).toEqual([[3, 6], [1, null], [2, 2]]); // prettier-ignore
    const plot = await given([mean], {});
    expect([plot.series.slice(1).map(({ width }) => width), bandsOf(plot)]).toEqual([[0, 0, 1.6], [[1, 2]]]); // prettier-ignore
  });

  it("share a grid where they have very many places, and only there", async () => {
    const many = (count: number) => Array.from({ length: count }, (_, run) => curve(`r${run}`, Array.from({ length: 500 }, (_, i) => i), { points: { x: Array.from({ length: 500 }, (_, i) => i + run / 100), y: Array.from({ length: 500 }, (_, i) => i) } })); // prettier-ignore
    expect((await given(many(4), {}, { range: [0, 500] })).data[0].length).toBe(2000);
    expect((await given(many(5), {}, { range: [0, 500] })).data[0].length).toBeLessThanOrEqual(1202);
  });
});

describe("the pointer on a chart", () => {
  async function pointed(curves: readonly Curve[], next = view()) {
    const made = await chart();
    await made.show(curves, next);
    const plot = made.plots().at(-1)!;
    const point = async (step: number, value: number) => {
      plot.setCursor({ left: plot.valToPos(step, "x"), top: plot.valToPos(value, "y") });
      await Promise.resolve();
    };
    const leave = async () => {
      plot.setCursor({ left: -10, top: -10 });
      await Promise.resolve();
    };
    return { ...made, plot, point, leave };
  }

  it("reads the curves where it is, and says the place; elsewhere the newest values are told", async () => {
    const { point, leave, legend, element } = await pointed([LINE, curve("b", [5, 6])]);
    await point(10, 8);
    expect([legend(), texts(element, "h3")]).toEqual([["a 2", "b 6"], ["Loss · step 10"]]);
    await point(30, 8);
    expect(legend()).toEqual(["a 8", "b –"]);
    await leave();
    expect([legend(), texts(element, "h3")]).toEqual([["a 16", "b 6"], ["Loss"]]);
  });

  it("may miss the end of a curve by a hundredth of the width", async () => {
    const { point, legend } = await pointed([LINE, curve("b", [5, 6])]);
    await point(10.3, 8);
    expect(legend()[1]).toBe("b 6");
    await point(10.6, 8);
    expect(legend()[1]).toBe("b –");
  });

  it("keeps in the legend of many curves those that are next to it", async () => {
    const curves = Array.from({ length: 12 }, (_, i) => curve(`c${i}`, [10 * i, 10 * i]));
    const { point, leave, legend } = await pointed([curve("gone", [NaN]), ...curves], view({ range: [0, 10] }));
    await point(5, 110);
    expect(legend()).toEqual([...[4, 5, 6, 7, 8, 9, 10, 11].map((i) => `c${i} ${10 * i}`), "and 5 more"]);
    await leave();
    expect(legend().slice(0, 2)).toEqual(["gone –", "c0 0"]);
  });

  it("zooms with two fingers from what is drawn", async () => {
    const { element, zoom } = await pointed([LINE], view({ zoom: [10, 30] }));
    const over = find(element, ".u-over");
    over.getBoundingClientRect = () => ({ left: 0, width: 100 }) as DOMRect;
    for (const [type, ...places] of [["touchstart", 25, 75], ["touchmove", 0, 100]] as const) over.dispatchEvent(event(type, { touches: places.map((clientX) => ({ clientX })) })); // prettier-ignore
    expect(zoom.mock.calls).toEqual([[[15, 25]]]);
  });

  it("reads new values where it rests", async () => {
    const { point, legend, show } = await pointed([LINE]);
    await point(10, 8);
    await show([curve("a", [1, 3, 4, 8, 16])], view({ range: [0, 40] }));
    expect(legend()).toEqual(["a 2"]);
    await show([curve("a", [1, 3, 4, 8, 17])], view({ range: [0, 40] }));
    expect(legend()).toEqual(["a 3"]);
  });
});
