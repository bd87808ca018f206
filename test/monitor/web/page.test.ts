/** What the page computes, without a browser. */
import { describe, expect, it } from "vitest";
import type { Frame } from "../../../src/monitor/web/frames.ts";
import { configRows, matching, numberAt } from "../../../src/monitor/web/page/config-rows.ts";
import { bytesText, durationText, number, seconds } from "../../../src/monitor/web/page/format.ts";
import { nodeState } from "../../../src/monitor/web/page/node-state.ts";
import { isStageMetric, layoutChain, slowest, stagesIn } from "../../../src/monitor/web/page/pipeline-graph.ts";
import { Series } from "../../../src/monitor/web/page/series.ts";
import { PageStore } from "../../../src/monitor/web/page/store.ts";
import { zoomByKey } from "../../../src/monitor/web/page/zoom-keys.ts";
import { metrics, TIME } from "../fixture.ts";

const frame = (first: number, last: number, more: Partial<Frame> = {}): Frame => {
  return { run: "run", node: "node", first, last, dropped: 0, metrics: metrics(first, last), ...more };
};

describe("a number of a configuration", () => {
  it("is found by its path, and is none where something else stands on the way", () => {
    const config = { optim: { lr: 0.1, name: "adam" }, model: null, sde: "vp" };
    expect(numberAt(config, "optim", "lr")).toBe(0.1);
    for (const path of [
      ["optim", "name"],
      ["model", "nf"],
      ["sde", "length"],
      ["none", "lr"],
    ]) {
      expect(numberAt(config, ...path)).toBeUndefined();
    }
    expect(numberAt(null, "optim")).toBeUndefined();
  });
});

describe("Series", () => {
  it("replaces what a run did again after it went back to a checkpoint", () => {
    const series = new Series("1");
    for (const step of [10, 20, 30, 40, 20, 30]) series.add(step, series.steps.length);
    expect([series.steps, series.values, series.last]).toEqual([[10, 20, 30], [0, 4, 2], 2]); // prettier-ignore
  });

  it("stays bounded, with its newest points, over its whole length", () => {
    const series = new Series("1", 100);
    for (let step = 1; step <= 100_000; step++) series.add(step, step);
    expect(series.steps.length).toBeLessThanOrEqual(100);
    expect(series.steps.length).toBeGreaterThan(45);
    expect(series.steps.at(-1)).toBe(100_000);
    expect(series.steps[0]).toBeLessThan(5000);
    expect(series.values).toEqual(series.steps);
  });
});

describe("Store", () => {
  it("keeps metrics by run, node and name, and where to go on from", () => {
    const store = new PageStore();
    store.add(frame(1, 3));
    store.add(frame(4, 4, { dropped: 2 }));
    store.add(frame(1, 2, { run: "a run/b", node: "other" }));
    expect(store.nodes("run")[0]).toMatchObject({ last: 4, step: 4, dropped: 2, time: Date.parse(TIME) });
    expect(store.nodes("run")[0]!.series.get("train/loss")).toMatchObject({ steps: [1, 2, 3, 4], unit: "1" });
    expect(store.places()).toEqual(["5,run,node", "3,a%20run%2Fb,other"]);
  });

  it("leaves out what has come before, and takes null as no number", () => {
    const store = new PageStore();
    store.add(frame(1, 3));
    store.add(frame(1, 3));
    const nothing = { name: "train/loss", step: 4, value: null as unknown as number, unit: "1", time: TIME };
    store.add(frame(4, 4, { metrics: [nothing] }));
    expect(store.nodes("run")[0]!.series.get("train/loss")!.values).toEqual([0.25, 0.5, 0.75, NaN]);
  });
});

describe("stagesIn", () => {
  const values: Record<string, number> = {
    "train/loss": 1,
    "stage/times/batches_per_second": 4,
    "stage/times/queue": 0,
    "stage/times/seconds": 0.01,
    "stage/score/batches_per_second": 4,
    "stage/score/queue": 3,
    "stage/score/seconds": 0.2,
    "stage/idle/queue": 0,
  };
  const stages = stagesIn(Object.keys(values), (name) => values[name]);

  it("finds the stages in the order of their metrics, and the one that is at work most", () => {
    expect(stages.map(({ name, queue }) => [name, queue])).toEqual([["times", 0], ["score", 3], ["idle", 0]]); // prettier-ignore
    expect(stages.map(({ busy }) => busy)).toEqual([0.04, 0.8, 0]);
    expect(slowest(stages)?.name).toBe("score");
    expect(slowest([stages[2]!])).toBeUndefined();
    expect(slowest([])).toBeUndefined();
  });

  it("tells their metrics from others", () => {
    expect(["stage/a/queue", "stage/a/other", "stage/queue", "train/loss"].map(isStageMetric)).toEqual([true, false, false, false]); // prettier-ignore
  });
});

describe("layoutChain", () => {
  const size = { width: 100, height: 50, gapX: 40, gapY: 30 };

  it.each([
    [9, 2000, 9],
    [9, 800, 5],
    [9, 260, 2],
    [9, 50, 1],
    [1, 50, 1],
  ])("places %d boxes in %d px, %d a row, without overlap", (count, space, perRow) => {
    const { boxes, edges, width, height } = layoutChain(count, space, size);
    const rows = boxes.map(({ y }) => boxes.filter((other) => other.y === y).length);
    expect(Math.max(...rows)).toBe(perRow);
    expect(new Set(boxes.map(({ x, y }) => `${x} ${y}`)).size).toBe(count);
    expect(Math.max(...boxes.map(({ x }) => x)) + size.width).toBe(width);
    expect(Math.max(...boxes.map(({ y }) => y)) + size.height).toBe(height);
    if (perRow > 1) expect(width).toBeLessThanOrEqual(space);
    expect(edges).toHaveLength(count - 1);
    // Every edge goes from one box's border to the next one's, straight and as long as the gap.
    for (const { from, to, down } of edges) {
      expect(Math.abs(to.x - from.x) + Math.abs(to.y - from.y)).toBe(down ? size.gapY : size.gapX);
      expect(from.x === to.x || from.y === to.y).toBe(true);
    }
  });

  it("places nothing in nothing", () => {
    expect(layoutChain(0, 500, size)).toEqual({ boxes: [], edges: [], width: 100, height: 0 });
  });
});

it("zooms by keys within all steps", () => {
  expect(zoomByKey("+", undefined, [0, 100])).toEqual([[25, 75]]);
  expect(zoomByKey("-", [25, 75], [0, 100])).toEqual([undefined]);
  expect(zoomByKey("ArrowRight", [20, 60], [0, 100])).toEqual([[25, 65]]);
  expect(zoomByKey("ArrowLeft", undefined, [0, 100])).toEqual([]);
  expect(zoomByKey("Escape", [25, 75], [0, 100])).toEqual([undefined]);
  expect(zoomByKey("a", [25, 75], [0, 100])).toEqual([]);
});

it("calls a node live as long as its pace allows", () => {
  expect(nodeState(9000, 0, false)).toBe("live");
  expect(nodeState(50_000, 20_000, false)).toBe("live");
  expect(nodeState(61_000, 20_000, false)).toBe("quiet");
  expect(nodeState(0, 20_000, true)).toBe("ended");
});

it("lays out a configuration and searches it by words in names and values", () => {
  const config = { sde: "vp", training: { batchSize: 512, steps: 10 }, model: { chMult: [1, 2] } };
  const rows = configRows(config);
  expect(rows).toEqual([
    { name: "sde", value: '"vp"' },
    { name: "training.batchSize", value: "512" },
    { name: "training.steps", value: "10" },
    { name: "model.chMult", value: "[1,2]" },
  ]);
  expect(matching(rows, " TRAIN 512 ").map(({ name }) => name)).toEqual(["training.batchSize"]);
  expect(matching(rows, "")).toHaveLength(4);
  expect(numberAt(config, "training", "batchSize")).toBe(512);
  expect(numberAt(config, "sde", "batchSize")).toBeUndefined();
  expect(numberAt(undefined, "training")).toBeUndefined();
});

it.each([
  [number(0.49468), "0.4947"],
  [number(242549.4), "242,549"],
  [number(9999.6), "10000"],
  [number(10_000), "10,000"],
  [number(1.06e-5), "1.06e-5"],
  [number(0), "0"],
  [number(2.5e9), "2.50e9"],
  [number(NaN), "not finite"],
  [number(undefined), "–"],
  [bytesText(476_053_504), "454 MiB"],
  [bytesText(0), "0 B"],
  [seconds(0.00136), "1.36 ms"],
  [seconds(5.7e-7), "0.57 µs"],
  [durationText(0.3), "0.3 s"],
  [durationText(73), "1 min 13 s"],
  [durationText(93_600), "1 d 2 h"],
])("writes numbers as people read them: %s", (text, expected) => {
  expect(text).toBe(expected);
});
