/** The loss over the noise: the newest curve, and the heat map of those before. */
import { describe, expect, it } from "vitest";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { noiseView } from "../../../../src/monitor/web/page/noise-view.ts";
import { drawnOn, enter, find, shown, tell, texts, usePage } from "./fixture.ts";

usePage();

const bins = (kind: string, low: number, middle: number, high: number) => ({
  [`loss_by_noise/${kind}/-4.00`]: low,
  [`loss_by_noise/${kind}/0.00`]: middle,
  [`loss_by_noise/${kind}/4.00`]: high,
});

function noise(
  fill = (model: Model) => {
    tell(model, "r", bins("unweighted", 0.01, 0.1, 1), { step: 1000 });
    tell(model, "r", { ...bins("unweighted", 0.1, 0, NaN), ...bins("weighted", 5, 5, 5) }, { step: 2000 });
  },
) {
  // prettier-ignore
  const model = new Model();
  fill(model);
  const view = noiseView(model);
  shown(view.element);
  view.update();
  const canvas = find<HTMLCanvasElement>(view.element, ".noise-heat canvas");
  return { ...view, model, canvas, curve: () => find(view.element, ".noise-curve svg") };
}

describe("a run that tells nothing of it", () => {
  it("has no such part", () => {
    expect(noise(() => {}).element.hidden).toBe(true);
    expect(noiseView(new Model()).element.hidden).toBe(true);
    expect(noise((model) => tell(model, "r", { "train/loss": 1 })).element.hidden).toBe(true);
    expect(noise((model) => tell(model, "r", bins("unweighted", NaN, 0, 0))).element.hidden).toBe(true);
  });

  it("hides what another has", () => {
    const { element, model, update } = noise();
    expect(element.hidden).toBe(false);
    tell(model, "other", { "train/loss": 1 });
    model.choose(model.store.nodes("other")[0]!);
    update();
    expect(element.hidden).toBe(true);
  });
});

describe("the heat map", () => {
  it("has a column for each step and a cell for each bin that has a loss, the least noise on top", () => {
    const { canvas } = noise();
    expect([canvas.width, canvas.height]).toEqual([2, 3]);
    const cells = drawnOn(canvas).filter(([name]) => name === "fillRect");
    expect(cells).toEqual([[0, 2], [0, 1], [0, 0], [1, 2]].map(([x, y]) => ["fillRect", x, y, 1, 1])); // prettier-ignore
  });

  it("is the stronger the larger the loss, on a logarithmic scale, in one colour", () => {
    const { canvas } = noise();
    const drawn = drawnOn(canvas);
    const strength = drawn.filter(([name]) => name === "globalAlpha").map(([, value]) => value);
    expect(strength).toEqual([0.06, 0.53, 1, 0.53].map((value) => expect.closeTo(value) as number));
    expect(drawn.filter(([name]) => name === "fillStyle")).toEqual([["fillStyle", "var(--accent)"]]);
  });

  it("is told in words, with the first and the last step and the ends of the noise", () => {
    const { element, canvas } = noise();
    expect(canvas.getAttribute("aria-label")).toBe("Loss by log-SNR from step 1,000 to 2,000, from 0.01 to 1.");
    expect(texts(element, ".noise-steps span")).toEqual(["1,000", "step", "2,000"]);
    expect(texts(element, ".noise-snr span")).toEqual(["4", "log-SNR", "-4"]);
    expect(find(element, ".note").textContent).toMatch(/^\u2068r\u2069: mean loss .* from 0.01 to 1 on a log/);
  });

  it("names one step once", () => {
    const { element } = noise((model) => tell(model, "r", bins("unweighted", 1, 2, 4), { step: 7 }));
    expect(texts(element, ".noise-steps span")).toEqual(["7", "step", ""]);
  });
});

describe("the newest curve", () => {
  const one = () => noise((model) => tell(model, "r", bins("unweighted", 1, 10, 100), { step: 3000 }));

  it("has a point for each bin, the larger the loss the higher, and says them in words", () => {
    const { element, curve } = one();
    expect(texts(element, "figcaption")).toEqual(["newest, step 3,000"]);
    const points = [...curve().querySelectorAll("circle")].map((dot) => [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))]); // prettier-ignore
    expect(points).toEqual([[62, 184], [234, 97], [406, 10]]); // prettier-ignore
    expect(find(curve(), "polyline").getAttribute("points")).toBe("62,184 234,97 406,10");
    expect(texts(curve(), "title")).toEqual(["log-SNR -4: 1", "log-SNR 0: 10", "log-SNR 4: 100"]);
    expect(curve().getAttribute("aria-label")).toBe("Newest loss by log-SNR: -4: 1, 0: 10, 4: 100.");
  });

  it("marks the ends and the middle of both scales", () => {
    const { curve } = one();
    expect(texts(curve(), ".value")).toEqual(["1", "10", "100"]);
    expect([...curve().querySelectorAll("line")].map((line) => line.getAttribute("y1"))).toEqual(["184", "97", "10"]);
    expect(texts(curve(), ".tick:not(.value)")).toEqual(["-4", "0", "4"]);
    const places = [...curve().querySelectorAll(".tick:not(.value)")].map((tick) => tick.getAttribute("x"));
    expect(places).toEqual(["62", "234", "406"]);
    const ends = [...curve().querySelectorAll("line")].map((line) => [
      line.getAttribute("x1"),
      line.getAttribute("x2"),
    ]);
    expect(ends).toEqual(places.map(() => ["62", "406"]));
    const value = find(curve(), ".value");
    expect([value.getAttribute("x"), value.getAttribute("y")]).toEqual(["56", "188"]);
  });

  it("marks the middle of a scale whose ends are not opposite", () => {
    const { curve } = noise((model) => tell(model, "r", { "loss_by_noise/unweighted/1.00": 1, "loss_by_noise/unweighted/4.00": 2 })); // prettier-ignore
    expect(texts(curve(), ".tick:not(.value)")).toEqual(["1", "2.5", "4"]);
    expect([...curve().querySelectorAll(".tick:not(.value)")].map((tick) => tick.getAttribute("y"))).toEqual(["202", "202", "202"]); // prettier-ignore
  });

  it("leaves out bins without a loss", () => {
    const { curve } = noise();
    expect(texts(curve(), "title")).toEqual(["log-SNR -4: 0.1"]);
  });

  it("has one mark where all losses are one, and one place where there is one bin", () => {
    const { curve } = noise((model) => tell(model, "r", { "loss_by_noise/unweighted/2.00": 3 }));
    expect(texts(curve(), ".value")).toEqual(["3"]);
    expect(find(curve(), "circle").getAttribute("cx")).toBe("62");
  });
});

it("shows the loss with its weight where that is chosen", () => {
  const { element, model } = noise();
  const kind = find<HTMLSelectElement>(element, "#noise-kind");
  expect(texts(kind, "option")).toEqual(["without its weight, the error in the noise", "with its weight"]);
  enter(kind, "weighted");
  expect(texts(element, "title")).toEqual(["log-SNR -4: 5", "log-SNR 0: 5", "log-SNR 4: 5"]);
  expect(model.focus).toBe("r");
});
