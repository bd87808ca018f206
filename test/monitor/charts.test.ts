import { describe, expect, it } from "vitest";
import { intervalChart } from "../../src/monitor/report/interval-chart.ts";
import { lineChart } from "../../src/monitor/report/line-chart.ts";
import { ruler } from "../../src/monitor/report/svg-parts.ts";

describe("ruler", () => {
  it("places values between round marks", () => {
    const { place, marks } = ruler([3.1, 4.9], [0, 200]);
    expect(marks.map(({ text }) => text)).toEqual(["3.0", "3.5", "4.0", "4.5", "5.0"]);
    expect([place(3), place(4), place(5)]).toEqual([0, 100, 200]);
  });

  it("has powers of ten with a logarithm, and leaves zero out", () => {
    const { place, marks } = ruler([0, 1e-5, 1], [0, 100], true);
    expect(marks.map(({ text }) => text)).toEqual(["1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]);
    expect(place(0.1)).toBeCloseTo(80);
  });

  it("has marks without any value", () => {
    expect(ruler([], [0, 10]).marks.length).toBeGreaterThan(1);
  });
});

describe("lineChart", () => {
  const chart = (points: { x: number; y: number; error?: number }[], log = false) =>
    lineChart({ title: "a < b", x: { label: "t", log }, y: { label: "bits", log }, lines: [{ name: "one & two", points }] }); // prettier-ignore

  it("draws points with errors and names lines, text staying text", () => {
    const picture = chart([{ x: 1, y: 2, error: 0.5 }, { x: 2, y: 3 }]); // prettier-ignore
    expect(picture.match(/<circle /g)).toHaveLength(2);
    expect(picture.match(/stroke-opacity/g)).toHaveLength(1);
    expect(picture).toContain("one &amp; two");
    expect(picture).toContain("a &lt; b");
    expect(picture).not.toContain("NaN");
  });

  it("leaves out what has no place", () => {
    const picture = chart([{ x: 0, y: 2 }, { x: 1, y: NaN }, { x: 1, y: 3, error: NaN }], true); // prettier-ignore
    expect(picture.match(/<circle /g)).toHaveLength(1);
    expect(picture).not.toContain("NaN");
  });
});

describe("intervalChart", () => {
  it("has a row for each finite value, its bar four standard errors wide", () => {
    const intervals = [
      { name: "a", mean: 1, standardError: 0.25 },
      { name: "b", mean: 2, standardError: NaN },
      { name: "c", mean: NaN, standardError: 1 },
    ];
    const picture = intervalChart({ title: "x", label: "bits", intervals, zero: true });
    const bars = [...picture.matchAll(/x1="([\d.]+)" x2="([\d.]+)" y1="[\d.]+" y2="[\d.]+" stroke=/g)].map(([, from, to]) => Number(to) - Number(from)); // prettier-ignore
    const centres = [...picture.matchAll(/cx="([\d.]+)"/g)].map(([, at]) => Number(at));
    expect(bars).toHaveLength(2);
    // One bits/dim lies between the centres.
    expect(bars[0]! / (centres[1]! - centres[0]!)).toBeCloseTo(1, 2);
    expect(bars[1]).toBe(0);
    expect(picture).toContain('class="zero"');
  });

  it("shows zero far from the values where that is wanted, and all of it within its width", () => {
    const intervals = [{ name: "a", mean: 100, standardError: 2 }];
    const chart = (zero: boolean) => intervalChart({ title: "x", label: "bits", intervals, zero });
    const centre = (picture: string) => Number(/cx="([\d.]+)"/.exec(picture)![1]);
    expect(/class="zero"/.test(chart(true))).toBe(true);
    expect(chart(true)).toContain(">0<");
    expect(chart(false)).not.toContain(">0<");
    const end = (picture: string) => Math.max(...[...picture.matchAll(/x2="([\d.]+)"/g)].map(([, x]) => Number(x)));
    expect(end(chart(true))).toBeLessThanOrEqual(620);
    // The value stands at the right when zero is at the left.
    expect(centre(chart(true))).toBeGreaterThan(centre(chart(false)));
  });
});
