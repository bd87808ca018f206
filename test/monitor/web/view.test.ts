/** The view in the address, and charts as text. */
import { describe, expect, it } from "vitest";
import { csvOf, curveSummary } from "../../../src/monitor/web/page/chart-table.ts";
import type { Curve } from "../../../src/monitor/web/page/chart-view.ts";
import { addressOf, viewIn, type ViewState } from "../../../src/monitor/web/page/view-address.ts";

const plain: ViewState = {
  view: { axis: "step", log: false, outliers: false, smoothing: 0, zoom: undefined },
  table: { search: "", sort: undefined, metric: "train/loss", group: "" },
  hidden: [],
  chosen: undefined,
};

describe("the view in the address", () => {
  it("is nothing at first", () => {
    expect(addressOf(plain)).toBe("");
    expect(viewIn("")).toEqual(plain);
  });

  it("comes back as it was, whatever signs the names have", () => {
    const state: ViewState = {
      view: { axis: "wall", log: true, outliers: true, smoothing: 0.85, zoom: [1.75e9 + 0.25, 1.75e9 + 60.5] },
      table: {
        search: "lr=0.1 a&b#c",
        sort: { key: "setting:optim.lr", down: true },
        metric: "eval/bound",
        group: "optim.lr",
      },
      hidden: ['["a,b","n 1"]', '["ü","n"]'],
      chosen: '["r","n"]',
    };
    expect(viewIn(`#${addressOf(state)}`)).toEqual(state);
    const sort = { key: "step", down: false };
    expect(viewIn(addressOf({ ...plain, table: { ...plain.table, sort } })).table.sort).toEqual(sort);
  });

  it.each(["axis=none", "smoothing=1", "smoothing=x", "smoothing=-0.5", "zoom=5,5", "zoom=2,1", "zoom=1", "zoom=a,b", "zoom=1,2,3", "sort=", "log=yes"])("leaves %s out", (text) => {
    expect(viewIn(`#${text}`)).toEqual(plain);
  }); // prettier-ignore
});

describe("a chart as text", () => {
  const curve = (label: string, x: number[], y: number[]): Curve => ({ label, points: { x, y }, look: { colour: 0, dash: 0 }, marks: false }); // prettier-ignore
  const one = curve("\u2068run, one\u2069", [10, 20, 30, 40], [4, NaN, 1, 2]);

  it("has the first, smallest, largest and last value of what is shown", () => {
    expect(curveSummary(one, [0, 100])).toEqual({ label: one.label, points: 3, first: [10, 4], smallest: [30, 1], largest: [10, 4], last: [40, 2] }); // prettier-ignore
    expect(curveSummary(one, [25, 35])).toMatchObject({ points: 1, first: [30, 1], last: [30, 1] });
    expect(curveSummary(one, [15, 25])).toBeUndefined();
  });

  it("has all values as CSV", () => {
    const two = curve('a "b"', [1, 2], [0.1, 1e-7]);
    expect(csvOf([one, two], "step", [2, 30])).toBe('curve,step,value\r\n"run, one",10,4\r\n"run, one",30,1\r\n"a ""b""",2,1e-7\r\n'); // prettier-ignore
    expect(csvOf([two], "wall", [0, 1])).toBe('curve,time,value\r\n"a ""b""",1970-01-01T00:00:01.000Z,0.1\r\n');
    expect(csvOf([], "relative", [0, 1])).toBe("curve,seconds,value\r\n");
  });
});
