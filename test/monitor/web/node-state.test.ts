/** How far a node is, as the page tells it. */
import { describe, expect, it } from "vitest";
import { parseRunState, type RunState } from "../../../src/metrics/run-state.ts";
import type { Frame } from "../../../src/monitor/web/frames.ts";
import { stateNow } from "../../../src/monitor/web/page/node-state.ts";
import { shortState } from "../../../src/monitor/web/page/phase-view.ts";
import { PageStore } from "../../../src/monitor/web/page/store.ts";

describe("how far a node is", () => {
  const told = (phase: RunState["phase"], time: number, more = {}): RunState => ({
    ...parseRunState({ phase, time: new Date(time).toISOString() })!,
    ...more,
  });
  const framed = (state: RunState): Frame => ({
    run: "run",
    node: "a",
    first: 1,
    last: 1,
    dropped: 0,
    metrics: [],
    state,
  });

  it("is carried on between signs of life, and lost after 30 s without one", () => {
    const store = new PageStore();
    store.add(framed(told("training", 1000, { runSecondsLeft: 60, idleSeconds: 2 })), 1000);
    const [node] = store.nodes("run");
    expect(stateNow(node!, 21_000)).toMatchObject({ phase: "training", runSecondsLeft: 40, idle: 22, silent: 20 });
    expect(stateNow(node!, 32_000)).toMatchObject({ phase: "lost", silent: 31 });
    store.add(framed(told("training", 31_000)), 33_000);
    expect(stateNow(node!, 60_000)!.phase).toBe("training");
    store.add(framed(told("finished", 60_000)), 60_000);
    expect(stateNow(node!, 1e9)!.phase).toBe("finished");
  });

  it("is old where the page is opened long after, and as the monitor says", () => {
    const store = new PageStore();
    store.add(framed(told("training", 1000)), 100_000);
    expect(stateNow(store.nodes("run")[0]!, 100_000)).toMatchObject({ phase: "lost", silent: 99 });
    expect(stateNow({ state: undefined, heard: 0 }, 1)).toBeUndefined();
    expect(stateNow({ state: told("lost", 1000), heard: 100_000 }, 100_000)).toMatchObject({
      phase: "lost",
      silent: 99,
    });
  });

  it("is said in a title by the part that is over and the time left", () => {
    const going = told("training", 0, { runSeconds: 43, runSecondsLeft: 57 });
    expect(shortState(going)).toBe("43 % · 57 s");
    expect(shortState(told("compiling", 0))).toBe("compiling");
    expect(shortState({ ...going, phase: "failed" })).toBe("failed");
  });
});
