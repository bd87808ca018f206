/** The numbers and the marks of the report's page, each by its value. */
import { describe, expect, it } from "vitest";
import { gallery, histogram, histogramFigure, ladder } from "../../../src/monitor/report/report-figures.ts";
import { axis, digitsOf, escape, image, scale, section } from "../../../src/monitor/report/report-html-parts.ts";
import { average, spread, standardError } from "../../../src/metrics/statistics.ts";

describe("means with their errors", () => {
  it("come to what the formulas say", () => {
    expect(average([1, 2, 6])).toBe(3);
    // Variance with n - 1: (4 + 1 + 9) / 2 = 7; of the mean a third of it.
    expect(standardError([1, 2, 6])).toBeCloseTo(Math.sqrt(7 / 3), 14);
    expect(standardError([5, 5, 5, 5])).toBe(0);
    // One value does not tell how much they differ.
    expect(standardError([4])).toBeNaN();
  });

  it("have their spread", () => {
    expect(spread([92, 116, 98])).toEqual({ mean: 102, min: 92, max: 116 });
    expect(spread([-3])).toEqual({ mean: -3, min: -3, max: -3 });
  });
});

describe("text in the page", () => {
  it("is escaped, every sign of it", () => {
    expect(escape(`<a href="x">&amp;</a>`)).toBe("&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;");
    expect(escape(7)).toBe("7");
  });

  it("stands in sections with a note, or without one", () => {
    expect(section("A & B", "<i>x</i>", "a < b")).toBe(
      '<section><h2>A &amp; B</h2>\n<p class="quiet">a &lt; b</p>\n<i>x</i></section>',
    );
    expect(section("A", "x")).toBe("<section><h2>A</h2>\nx</section>");
  });

  it("has pictures within it", () => {
    const png = Uint8Array.of(1, 2, 3);
    expect(image(png, 'a "b"')).toBe('<img alt="a &quot;b&quot;" src="data:image/png;base64,AQID">');
    expect(image(png, "a", "grid")).toBe('<img class="grid" alt="a" src="data:image/png;base64,AQID">');
    expect(gallery([{ png, index: 5, bpd: 2.125 }], "test image")).toBe(
      '<div class="gallery"><figure title="test image 5">' +
        '<img alt="test image 5, 2.13 bits/dim" src="data:image/png;base64,AQID"><figcaption>2.13</figcaption>' +
        "</figure></div>",
    );
  });
});

describe("scale", () => {
  it.each([
    [0, 1, 5, { first: 0, step: 0.2, steps: 5 }],
    [0, 2.4, 5, { first: 0, step: 0.5, steps: 5 }],
    [2.6, 4.2, 5, { first: 2.5, step: 0.5, steps: 4 }],
    [0, 10, 10, { first: 0, step: 1, steps: 10 }],
    [-3, 4, 5, { first: -4, step: 2, steps: 4 }],
    [0, 300, 5, { first: 0, step: 100, steps: 3 }],
    // One value, and none but 0.
    [8, 8, 4, { first: 8, step: 2, steps: 1 }],
    [-8, -8, 4, { first: -8, step: 2, steps: 1 }],
    [0, 0, 5, { first: 0, step: 0.2, steps: 1 }],
  ])("from %d to %d in about %d steps", (low, high, count, expected) => {
    expect(scale(low, high, count)).toEqual(expected);
  });

  it("is written with the digits that its steps need", () => {
    expect([0.2, 0.01, 0.025, 2, 10, 500].map(digitsOf)).toEqual([1, 2, 2, 0, 0, 0]);
    expect(axis({ first: 2.5, step: 0.5, steps: 4 }, "x")).toBe(
      '<div class="axis x" aria-hidden="true"><span style="left:0.00%">2.5</span><span style="left:25.00%">3.0</span>' +
        '<span style="left:50.00%">3.5</span><span style="left:75.00%">4.0</span>' +
        '<span style="left:100.00%">4.5</span></div>',
    );
  });
});

describe("ladder", () => {
  it("has two standard errors to both sides of what was measured here, all within the scale", () => {
    const own = { mean: 3, standardError: 0.25, images: 3, repeats: 1 };
    const page = ladder(
      [
        { name: "<b>", bpd: 3.5 },
        { name: "own", bpd: 3, own },
      ],
      ["a<", "bits"],
    );
    // The scale: 2.4 to 3.6, by 0.2.
    expect(page).toContain('<span style="left:0.00%">2.4</span>');
    expect(page).toContain('<span style="left:100.00%">3.6</span>');
    expect(page).toContain('<th scope="col">a&lt;</th><td class="track">');
    expect(page).toContain('<th scope="col" class="value">bits</th></tr></thead>');
    const rows = page.split("<tbody>\n")[1]!.split("\n");
    expect(rows).toEqual([
      '<tr class="own"><th scope="row" class="name">own</th><td class="track"><div>' +
        '<s style="left:50.00%;width:83.33%"></s><i style="left:50.00%"></i></div></td>' +
        '<td class="value">3.000 &plusmn; 0.250</td></tr>',
      '<tr><th scope="row" class="name">&lt;b&gt;</th><td class="track"><div><i style="left:91.67%"></i></div></td>' +
        '<td class="value">3.50</td></tr></tbody></table>',
    ]);
  });
});

describe("histogram", () => {
  it("counts from the lower border of a bin up to the upper one, which is the next one's but for the last", () => {
    const { first, step, counts } = histogram([0, 0.99, 1, 1, 39.5, 40]);
    expect([first, step, counts.length]).toEqual([0, 1, 40]);
    expect(counts.flatMap((n, i) => (n ? [[i, n]] : []))).toEqual([[0, 2], [1, 2], [39, 2]]); // prettier-ignore
  });

  it("begins with the least of the values", () => {
    const { first, step, counts } = histogram([100, 101.5, 140]);
    expect([first, step, counts.length]).toEqual([100, 1, 40]);
    expect(counts.flatMap((n, i) => (n ? [[i, n]] : []))).toEqual([[0, 1], [1, 1], [39, 1]]); // prettier-ignore
  });

  it("is drawn as high as its counts are, with the mean at its place", () => {
    const page = histogramFigure([0, 1, 1, 40], 10.5);
    const bar = (left: string, height: string, title: string) =>
      `<div style="left:${left};width:calc(2.50% - 1px);height:${height}" title="${title}"></div>`;
    expect(page).toContain(
      bar("0.00%", "50.00%", "0 to 1: 1 image") +
        bar("2.50%", "100.00%", "1 to 2: 2 images") +
        bar("97.50%", "50.00%", "39 to 40: 1 image"),
    );
    expect(page).toContain('aria-label="histogram of 4 images, at most 2 in a bin"');
    expect(page).toContain('<u style="left:26.25%"><span>mean 10.500</span></u></div>');
    expect(histogramFigure([0, 40], 30)).toContain('<u class="late" style="left:75.00%">');
    // Every seventh border of 40.
    const marks = [...page.split("</u></div>")[1]!.matchAll(/left:([\d.]+)%">([^<]*)</g)].map(([, at, text]) => [at, text]); // prettier-ignore
    expect(marks).toEqual([0, 7, 14, 21, 28, 35].map((i) => [(2.5 * i).toFixed(2), String(i)]));
  });
});
