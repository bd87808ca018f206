/** What the page knows and shows, and how it writes and draws numbers. */
import { describe, expect, it, vi } from "vitest";
import type { RunPhase, RunState } from "../../../src/metrics/run-state.ts";
import type { Frame } from "../../../src/monitor/web/frames.ts";
import { thinPoints } from "../../../src/monitor/web/page/curves.ts";
import { bytesText, durationText, number, seconds } from "../../../src/monitor/web/page/format.ts";
import { Model } from "../../../src/monitor/web/page/model.ts";
import { nodeState } from "../../../src/monitor/web/page/node-state.ts";
import { layoutChain, slowest } from "../../../src/monitor/web/page/pipeline-graph.ts";
import { Series } from "../../../src/monitor/web/page/series.ts";
import { PageStore } from "../../../src/monitor/web/page/store.ts";
import { zoomByKey } from "../../../src/monitor/web/page/zoom-keys.ts";
import { metric } from "../fixture.ts";

/** A frame of one metric, so many ms after 1970. */
function frame(run: string, node: string, place: number, ms: number, more: Partial<Frame> = {}): Frame {
  const metrics = [{ ...metric(place), time: new Date(ms).toISOString() }];
  return { run, node, first: place, last: place, dropped: 0, metrics, ...more };
}

describe("Model", () => {
  function filled() {
    const model = new Model();
    model.store.add(frame("one", "a", 1, 1000));
    model.store.add(frame("two", "a", 1, 3000));
    model.store.add(frame("one", "b", 1, 2000));
    const node = (run: string, name: string) => model.store.nodes(run).find(({ node }) => node === name)!;
    return { model, node };
  }

  it("shows the node that was heard of last, unless one was chosen", () => {
    const { model, node } = filled();
    expect([new Model().node, new Model().focus]).toEqual([undefined, undefined]);
    expect(model.runs).toEqual(["one", "two"]);
    expect([model.node, model.focus]).toEqual([node("two", "a"), "two"]);
    model.store.add(frame("one", "b", 2, 4000));
    expect(model.node).toBe(node("one", "b"));
    // Of two of one time, the first.
    model.store.add(frame("two", "a", 2, 4000));
    expect(model.node).toBe(node("one", "b"));
    model.choose(node("two", "a"));
    expect(model.focus).toBe("two");
  });

  it("stays with a node that goes on until its end, however often others are heard of", () => {
    const { model, node } = filled();
    const tell = (run: string, phase: RunPhase, ms: number) => {
      const state = { phase, time: new Date(ms).toISOString() } as RunState;
      model.store.add({ run, node: "a", first: 0, last: 0, dropped: 0, metrics: [], state }, ms);
    };
    tell("one", "training", 5000);
    expect(model.node).toBe(node("one", "a"));
    tell("two", "training", 6000);
    model.store.add(frame("two", "a", 2, 9000));
    expect(model.node).toBe(node("one", "a"));
    tell("one", "finished", 10_000);
    expect(model.node).toBe(node("two", "a"));
  });

  it("shows by their states the newest of those that go on, before a metric has come", () => {
    const model = new Model();
    const tell = (run: string, ms: number) => {
      const state = { phase: "training", time: new Date(ms).toISOString() } as RunState;
      model.store.add({ run, node: "a", first: 0, last: 0, dropped: 0, metrics: [], state }, 9000);
    };
    tell("one", 5000);
    tell("two", 6000);
    tell("three", 4000);
    expect(model.focus).toBe("two");
  });

  it("leaves hidden nodes out, one by one, and shows again what was chosen", () => {
    const { model, node } = filled();
    const [a, b, other] = [node("one", "a"), node("one", "b"), node("two", "a")];
    expect(model.shown()).toEqual([a, b, other]);
    model.setShown([a], false);
    expect(model.shown()).toEqual([b, other]);
    model.setShown([b, other], false);
    expect(model.shown()).toEqual([]);
    model.choose(other);
    expect(model.shown()).toEqual([other]);
    model.setShown([a, b], true);
    expect(model.shown()).toEqual([a, b, other]);
  });

  it("draws one node alone, and all again", () => {
    const { model, node } = filled();
    model.solo(node("one", "b"));
    expect([model.shown(), model.isSolo(node("one", "b"))]).toEqual([[node("one", "b")], true]);
    model.solo(node("two", "a"));
    expect(model.shown()).toEqual([node("two", "a")]);
    model.solo(node("two", "a"));
    expect([model.shown().length, model.isSolo(node("two", "a"))]).toEqual([3, false]);
  });

  it("gives each node a look of its own in the order of their coming, but for what a person gave to the run", () => {
    const model = new Model();
    for (let i = 0; i < 33; i++) model.store.add(frame(`r${i}`, "n", 1, 0));
    const look = (i: number) => model.look(model.store.records()[i]!);
    expect([look(0), look(7), look(8), look(31), look(32)]).toEqual([
      { colour: 0, dash: 0 },
      { colour: 7, dash: 0 },
      { colour: 0, dash: 1 },
      { colour: 7, dash: 3 },
      { colour: 0, dash: 0 },
    ]);
    model.remarks.set("r8", { colour: 5, note: "n" });
    expect(look(8)).toEqual({ colour: 5, dash: 1 });
  });

  it("goes by the server's clock", () => {
    const model = new Model();
    model.ahead = 5000;
    vi.useFakeTimers({ now: 1000 });
    expect(model.now()).toBe(6000);
    vi.useRealTimers();
  });
});

describe("PageStore", () => {
  it("knows the times of the last two steps, the newest whatever order they come in", () => {
    const store = new PageStore();
    const [record] = [frame("r", "n", 1, 1000), frame("r", "n", 2, 4000), frame("r", "n", 3, 3000)].map((one) => {
      store.add(one);
      return store.nodes("r")[0]!;
    });
    expect(record).toMatchObject({ time: 4000, before: 4000, step: 3, last: 3 });
    const other = new PageStore();
    const [a, b] = [frame("r", "n", 1, 1000).metrics[0]!, frame("r", "n", 2, 4000).metrics[0]!];
    other.add(frame("r", "n", 1, 0, { last: 4, metrics: [a, { ...a, name: "x" }, b, { ...b, name: "x" }] }));
    expect(other.nodes("r")[0]).toMatchObject({ time: 4000, before: 1000, step: 2, last: 4 });
  });

  it("takes what is not numbered each time, and asks for it from no place", () => {
    const store = new PageStore();
    store.add(frame("r", "n", 0, 1000, { dropped: 2 }));
    store.add(frame("r", "n", 0, 1000, { dropped: 3 }));
    expect(store.nodes("r")[0]).toMatchObject({ last: 0, dropped: 5 });
    expect(store.places()).toEqual([]);
    expect(store.nodes("other")).toEqual([]);
  });
});

it.each([
  [number(0.001), "0.001"],
  [number(-0.000999), "-9.99e-4"],
  [number(9999.6), "10000"],
  [number(10_000.4), "10,000"],
  [number(-10_000), "-10,000"],
  [number(999_999), "999,999"],
  [number(1e6), "1.00e6"],
  [bytesText(undefined), "–"],
  [bytesText(Infinity), "–"],
  [bytesText(-5), "-5 B"],
  [bytesText(1023), "1023 B"],
  [bytesText(1024), "1 KiB"],
  [bytesText(1.5 * 2 ** 30), "1.5 GiB"],
  [bytesText(2 ** 52), "4096 TiB"],
  [seconds(undefined), "–"],
  [seconds(NaN), "–"],
  [seconds(0.001), "1 ms"],
  [seconds(0.9994), "999 ms"],
  [seconds(1), "1 s"],
  [durationText(9.96), "10 s"],
  [durationText(10), "10 s"],
  [durationText(59.6), "1 min"],
  [durationText(3600), "1 h"],
  [durationText(12_000), "3 h 20 min"],
  [durationText(86_400 + 60), "1 d"],
  [durationText(4 * 86_400 + 2 * 3600 + 61), "4 d 2 h"],
])("numbers at the borders of their forms: %s", (text, expected) => {
  expect(text).toBe(expected);
});

describe("zooming by keys", () => {
  const all = [0, 100] as const;

  it.each<[string, readonly [number, number] | undefined, unknown]>([
    ["=", [20, 60], [[30, 50]]],
    ["-", [40, 60], [[30, 70]]],
    ["-", [0, 20], [[-10, 30]]],
    ["-", [60, 100], [[40, 120]]],
    ["-", undefined, [undefined]],
    ["ArrowLeft", [20, 60], [[15, 55]]],
    ["ArrowRight", undefined, []],
    ["0", [20, 60], [undefined]],
  ])("%s of %j", (key, zoom, expected) => {
    expect(zoomByKey(key, zoom, all)).toEqual(expected);
  });
});

it("a node is live up to 10 s or three times its pace", () => {
  expect([10_000, 10_001].map((age) => nodeState(age, 1000, false))).toEqual(["live", "quiet"]);
  expect([60_000, 60_001].map((age) => nodeState(age, 20_000, false))).toEqual(["live", "quiet"]);
});

it("the slowest of several as busy is the first", () => {
  const stage = (name: string, busy: number) => ({ name, busy, rate: 1, queue: 0, seconds: busy });
  expect(slowest([stage("a", 0.2), stage("b", 0.5), stage("c", 0.5), stage("d", 0.1)])?.name).toBe("b");
});

it("a chain turns at the border and comes back below", () => {
  const { boxes, edges, width, height } = layoutChain(5, 380, { width: 100, height: 50, gapX: 40, gapY: 30 });
  expect(boxes).toEqual([
    { x: 0, y: 0 },
    { x: 140, y: 0 },
    { x: 280, y: 0 },
    { x: 280, y: 80 },
    { x: 140, y: 80 },
  ]);
  expect(edges).toEqual([
    { from: { x: 100, y: 25 }, to: { x: 140, y: 25 }, down: false },
    { from: { x: 240, y: 25 }, to: { x: 280, y: 25 }, down: false },
    { from: { x: 330, y: 50 }, to: { x: 330, y: 80 }, down: true },
    { from: { x: 280, y: 105 }, to: { x: 240, y: 105 }, down: false },
  ]);
  expect([width, height]).toEqual([380, 130]);
});

it("a series halves only what is above its limit, and keeps the newest", () => {
  const series = new Series("s", 4);
  for (const step of [1, 2, 3, 4]) series.add(step, -step);
  expect(series.steps).toEqual([1, 2, 3, 4]);
  series.add(5, -5);
  expect([series.steps, series.values, series.unit]).toEqual([[1, 3, 5], [-1, -3, -5], "s"]);
  expect(new Series("s").last).toBeUndefined();
});

it("a curve keeps of each bucket its smallest and its largest, in their order", () => {
  const y = [5, 1, 9, 4, 7, 2, 8, 3, 0, 6];
  const x = y.map((_, i) => i);
  expect(thinPoints({ x, y }, 2)).toEqual({ x: [0, 1, 2, 6, 8, 9], y: [5, 1, 9, 8, 0, 6] }); // prettier-ignore
  expect(thinPoints({ x, y }, 4)).toEqual({ x, y });
});
