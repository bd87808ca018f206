/** The pipeline of the looked-at run: its boxes, its ends, and what stands on the edges. */
import { describe, expect, it } from "vitest";
import { graphView } from "../../../../src/monitor/web/page/graph-view.ts";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { find, resize, shown, tell, tellState, texts, usePage } from "./fixture.ts";

usePage();

const stage = (name: string, rate: number, queue: number, seconds: number, part = "stage") => ({
  [`${part}/${name}/batches_per_second`]: rate,
  [`${part}/${name}/queue`]: queue,
  [`${part}/${name}/seconds`]: seconds,
});
const TRAINING = { ...stage("corrupt", 5, 0, 0.02), ...stage("score", 5, 3, 0.1), "train/seconds_per_step": 0.2 };

function graph(values?: Readonly<Record<string, number>>) {
  const model = new Model();
  if (values) tell(model, "r", values, { step: 1500 });
  const view = graphView(model);
  shown(view.element);
  view.update();
  const { element } = view;
  const boxes = () => [...element.querySelectorAll("svg > g:not(.edge)")].map((g) => [g.getAttribute("class"), ...texts(g, "text")]); // prettier-ignore
  const edges = () => [...element.querySelectorAll("svg > g.edge")].map((g) => texts(g, "text"));
  const note = () => find(element, ".note").textContent;
  return { ...view, model, boxes, edges, note, label: () => find(element, "svg").getAttribute("aria-label") };
}

describe("without stages", () => {
  it("is hidden", () => {
    expect(graph().element.hidden).toBe(true);
    expect(graphView(new Model()).element.hidden).toBe(true);
    const { element, model, update } = graph({ "train/loss": 1 });
    expect(element.hidden).toBe(true);
    tell(model, "r", TRAINING);
    update();
    expect(element.hidden).toBe(false);
  });
});

describe("a training", () => {
  it("goes from batches to steps, with a box for each stage, the slowest marked, and one for the rest", () => {
    expect(graph(TRAINING).boxes()).toEqual([
      ["end", "batches"],
      ["stage", "corrupt", "20 ms · 10%"],
      ["stage slowest", "score", "100 ms · 50%", "slowest"],
      ["stage rest", "elsewhere", "80 ms · 40%"],
      ["end", "steps"],
    ]);
  });

  it("has no rest where the stages explain the time, or the time of a step is not known", () => {
    const { boxes } = graph({ ...stage("score", 5, 0, 0.2), "train/seconds_per_step": 0.2 });
    expect(boxes().map(([kind]) => kind)).toEqual(["end", "stage slowest", "end"]);
    const unknown = graph(stage("score", 5, 0, 0.1));
    expect(unknown.boxes().map(([, name]) => name)).toEqual(["batches", "score", "steps"]);
  });

  it("tells on each edge what passes and what waits at its end", () => {
    const { edges, element } = graph(TRAINING);
    expect(edges()).toEqual([["5/s", "queue 0"], ["5/s", "queue 3"], ["5/s"], [""]]); // prettier-ignore
    expect(texts(element, ".waiting")).toEqual(["queue 3"]);
  });

  it("tells three digits of a rate", () => {
    const { edges } = graph(stage("score", 12.3456, 1, 0.01));
    expect(edges()).toEqual([["12.3/s", "queue 1"], ["12.3/s"]]);
  });

  it("says the same in words", () => {
    const { label, note } = graph(TRAINING);
    expect(label()).toBe("Pipeline: corrupt 5 batches/s, queue 0, 20 ms a batch; score 5 batches/s, queue 3, 100 ms a batch. Slowest: score, at work 50% of the time."); // prettier-ignore
    expect(note()).toMatch(/^\u2068r\u2069, step 1,500: on an edge .* at work\.$/);
    const idle = graph(stage("score", 0, 0, 0));
    expect([idle.label(), idle.boxes()[1]![0]]).toEqual(["Pipeline: score 0 batches/s, queue 0, 0 µs a batch.", "stage"]); // prettier-ignore
  });

  it("fills each stage's bar by the part of the time it is at work", () => {
    const { element } = graph(TRAINING);
    const filled = [...element.querySelectorAll(".busy")].map((bar) => Number(bar.getAttribute("width")));
    expect(filled).toEqual([9.2, 46, 36.8].map((width) => expect.closeTo(width) as number));
  });

  it("has the exchange with other nodes among its stages, with the bytes, and names the node's rank", () => {
    const exchange = { "exchange/seconds": 0.1, "exchange/bytes": 1024, "exchange/share": 0.25, "exchange/rank": 1, "exchange/nodes": 3 }; // prettier-ignore
    const { boxes, note } = graph({ ...TRAINING, ...exchange });
    expect(boxes()[3]).toEqual(["stage", "exchange", "100 ms · 25%", "10 KiB/s"]);
    const parts = { "exchange/waiting": 0.06, "exchange/adding": 0.01, "exchange/sending": 0.03 };
    const apart = graph({ ...TRAINING, ...exchange, ...parts })
      .boxes()
      .slice(3, 6);
    expect(apart.map(([, name, , above]) => [name, above])).toEqual([["waiting", "rank 1"], ["adding", undefined], ["sending", "10 KiB/s"]]); // prettier-ignore
    expect(note()).toMatch(/at work\. This node has rank 1; there are 3\.$/);
    expect(graph({ ...TRAINING, "exchange/rank": 1 }).note()).toMatch(/at work\.$/);
  });
});

describe("an evaluation", () => {
  it("goes from images to values through its own stages, and has no rest", () => {
    const { boxes, model, update } = graph({ ...TRAINING, ...stage("solve", 2, 0, 0.25, "eval_stage/bpd") });
    expect(boxes().map(([, name]) => name)).toEqual(["batches", "corrupt", "score", "elsewhere", "steps"]);
    tellState(model, "r", { phase: "evaluating_likelihood" });
    update();
    expect(boxes().map(([, name]) => name)).toEqual(["images", "solve", "values"]);
  });

  it("leaves the training's stages there until its own have come", () => {
    const { boxes, model, update } = graph(TRAINING);
    tellState(model, "r", { phase: "evaluating_likelihood" });
    update();
    expect(boxes().map(([, name]) => name)).toEqual(["batches", "corrupt", "score", "elsewhere", "steps"]);
  });
});

describe("the drawing", () => {
  it("is drawn anew in rows when its place becomes narrow: edges go down, with their texts beside", () => {
    const { element } = graph(TRAINING);
    const size = () => ["width", "height"].map((name) => Number(find(element, "svg").getAttribute(name)));
    resize(2000);
    expect(size()).toEqual([5 * 112 + 4 * 62 + 16, 62 + 24]);
    expect(texts(element, ".beside")).toEqual([]);
    resize(150);
    expect(size()).toEqual([112 + 16, 5 * 62 + 4 * 54 + 24]);
    expect(texts(element, ".beside")).toEqual(["5/s", "queue 0", "5/s", "queue 3", "5/s", ""]);
    const lines = [...element.querySelectorAll(".edge line")].map((line) => ["x1", "y1", "x2", "y2"].map((name) => line.getAttribute(name)).join()); // prettier-ignore
    expect(lines).toEqual(["56,62,56,116", "56,178,56,232", "56,294,56,348", "56,410,56,464"]);
    expect(find(element, ".queue").getAttribute("class")).toBe("queue beside");
  });

  it("needs room for the border of the slowest", () => {
    const { element } = graph(stage("score", 5, 0, 0.1));
    // Two boxes and the gap between them are 286 wide.
    resize(286 + 15);
    expect(find(element, "svg").getAttribute("width")).toBe(String(112 + 16));
    resize(286 + 16);
    expect(find(element, "svg").getAttribute("width")).toBe(String(286 + 16));
  });

  it("has the texts of an edge above and below its middle, or beside it where it goes down", () => {
    const { element } = graph(TRAINING);
    resize(2000);
    const places = () => [...find(element, ".edge").querySelectorAll("text")].map((text) => [text.getAttribute("class"), Number(text.getAttribute("x")), Number(text.getAttribute("y"))]); // prettier-ignore
    expect(places()).toEqual([["rate", 143, 24], ["queue", 143, 47]]); // prettier-ignore
    resize(150);
    expect(places()).toEqual([["rate beside", 64, 87], ["queue beside", 64, 101]]); // prettier-ignore
  });

  it("has the names in the middle of their boxes, and shows all of them", () => {
    const { element } = graph(TRAINING);
    resize(2000);
    const names = [...element.querySelectorAll(".name")].map((text) => [Number(text.getAttribute("x")), Number(text.getAttribute("y"))]); // prettier-ignore
    expect(names.slice(0, 2)).toEqual([[56, 35], [56, 20]]); // prettier-ignore
    expect(find(element, "svg").getAttribute("viewBox")).toBe("-8 -16 824 86");
    const tip = find(element, "marker").id;
    expect(find(element, ".edge line").getAttribute("marker-end")).toBe(`url(#${tip})`);
  });
});
