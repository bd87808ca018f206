/** How far the looked-at run is, as the page says it. */
import { describe, expect, it, vi } from "vitest";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { phaseView, runPart, shortState } from "../../../../src/monitor/web/page/phase-view.ts";
import type { RunState } from "../../../../src/metrics/run-state.ts";
import { find, shown, STATE, tell, tellState, texts, usePage } from "./fixture.ts";

usePage();

const NOW = Date.parse(STATE.time);

function progress(state?: Partial<RunState>) {
  vi.useFakeTimers({ now: NOW, toFake: ["Date"] });
  const model = new Model();
  if (state) tellState(model, "r", state);
  const view = phaseView(model);
  shown(view.element);
  view.update();
  const line = () => find(view.element, ".now").textContent;
  const items = () => [...view.element.querySelectorAll<HTMLElement>("li")];
  return { ...view, model, line, items };
}

describe("the line", () => {
  it("is hidden while no run has told of itself", () => {
    const { element, model, update } = progress();
    expect([element.hidden, phaseView(model).element.hidden]).toEqual([true, true]);
    tell(model, "old", { "train/loss": 1 });
    update();
    expect(element.hidden).toBe(true);
    tellState(model, "old");
    update();
    expect([element.hidden, element.dataset["phase"]]).toEqual([false, "training"]);
  });

  it.each<[string, Partial<RunState>, string]>([
    ["phase, count and time left", { done: 1500, total: 20_000 }, "training · 1,500 of 20,000 steps · about 1 min left of the run"],
    ["no count where there is no total", { total: undefined }, "training · about 1 min left of the run"],
    ["the phase's time where the run's is not known", { runSecondsLeft: undefined }, "training · 50 of 200 steps · about 30 s left of this phase"],
    ["no time where none is known", { runSecondsLeft: undefined, secondsLeft: undefined }, "training · 50 of 200 steps"],
    ["the time it took, of a run that is over", { phase: "finished" }, "finished · after 20 s"],
    ["idleness from 30 s on", { idleSeconds: 31 }, "training · 50 of 200 steps · about 1 min left of the run · no progress for 31 s"],
    ["no idleness of 30 s", { idleSeconds: 30 }, "training · 50 of 200 steps · about 1 min left of the run"],
  ])("tells %s", (_, state, line) => expect(progress(state).line()).toBe(line)); // prettier-ignore

  it("counts the time down, and tells of a run that has fallen silent", () => {
    const { line, update, element } = progress({});
    vi.setSystemTime(NOW + 20_000);
    update();
    expect(line()).toBe("training · 50 of 200 steps · about 40 s left of the run");
    vi.setSystemTime(NOW + 45_000);
    update();
    expect([line(), element.dataset["phase"]]).toEqual(["lost: nothing was heard for 45 s", "lost"]);
  });
});

describe("the bar", () => {
  const phases = [
    { phase: "starting", seconds: 9, secondsLeft: 0 },
    { phase: "training", seconds: 25, secondsLeft: 75 },
    { phase: "evaluating_likelihood", seconds: 0, secondsLeft: 400 },
    { phase: "sampling", seconds: 0 },
    { phase: "snapshot", seconds: 16 },
  ] as const;

  it("has an item for each phase, in their order, with the present one marked", () => {
    const { items, element } = progress({ phases });
    expect(find(element, "ol").getAttribute("aria-label")).toBe("phases of the run");
    expect(items().map((item) => item.textContent)).toEqual(["starting", "training", "likelihood", "sampling", "snapshot"]); // prettier-ignore
    expect(items().map((item) => item.className)).toEqual(["", "current", "", "", ""]);
    expect(items().map((item) => item.title)).toEqual([
      "starting: 9 s",
      "training: 25 s, about 1 min 15 s left",
      "evaluating the likelihood: 0 s, about 6 min 40 s left",
      "sampling: 0 s",
      "snapshot: 16 s",
    ]);
  });

  it("is filled by the part that is done, and wide by the root of the time in all", () => {
    const { items } = progress({ phases });
    const filled = items().map((item) => find(item, ".fill").style.width);
    expect(filled).toEqual(["100%", "25%", "0%", "0%", "0%"]);
    expect(items().map((item) => item.style.flexGrow)).toEqual(["3", "10", "20", "1", "4"]);
  });

  it("has the items of now only", () => {
    const { model, items, update } = progress({ phases });
    tellState(model, "r", { phases: phases.slice(1, 2), time: "2026-01-02T03:04:06.000Z" });
    update();
    expect(items().map((item) => item.textContent)).toEqual(["training"]);
  });
});

describe("a run that failed", () => {
  it("says why and what helps, as an alert", () => {
    const { element, model, update } = progress({});
    const failed = find(element, ".failed");
    expect([failed.hidden, failed.getAttribute("role")]).toEqual([true, "alert"]);
    tellState(model, "r", { phase: "failed", error: "the loss is not finite", remedy: "lower optim.lr" });
    update();
    expect([failed.hidden, ...texts(failed, "h3, p")]).toEqual([false, "The run failed", "the loss is not finite", "Remedy: lower optim.lr"]); // prettier-ignore
    expect(find(failed, ".remedy").hidden).toBe(false);
    tellState(model, "r", { phase: "failed", time: "2026-01-02T03:04:07.000Z" });
    update();
    expect([texts(failed, "p"), find(failed, ".remedy").hidden]).toEqual([["", ""], true]);
  });
});

describe("a state in a title's words", () => {
  it("is the part of the whole time and the time left, or the phase's name", () => {
    expect(shortState(STATE)).toBe("25 % · 1 min");
    expect(shortState({ ...STATE, runSeconds: 59.9, runSecondsLeft: 0.1 })).toBe("99 % · 0.1 s");
    expect(shortState({ ...STATE, runSecondsLeft: undefined })).toBe("training");
    expect(runPart({ ...STATE, runSecondsLeft: undefined })).toBeUndefined();
    expect(["finished", "stopped", "failed", "lost"].map((phase) => shortState({ ...STATE, phase } as RunState))).toEqual(["finished", "stopped", "failed", "lost"]); // prettier-ignore
    expect(runPart({ ...STATE, runSeconds: 0, runSecondsLeft: 0 })).toBe(0);
  });
});
