/** The whole page: its parts, its title, and what the feed of a worker changes. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { FeedMessage } from "../../../../src/monitor/web/page/feed-hub.ts";
import type { RunState } from "../../../../src/metrics/run-state.ts";
import { enter, event, find, STATE, texts, usePage } from "./fixture.ts";

usePage();

const NOW = Date.parse(STATE.time);

/** The worker that all tabs share, as this tab sees it. */
class Worker extends EventTarget {
  static last: Worker;
  readonly said: unknown[] = [];
  readonly port = {
    postMessage: (message: unknown) => void this.said.push(message),
    onmessage: undefined as ((event: { data: FeedMessage }) => void) | undefined,
  };
  constructor() {
    super();
    Worker.last = this;
  }
}

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

async function page(answers: Readonly<Record<string, unknown>> = {}) {
  vi.useFakeTimers({ now: NOW });
  stops.push(() => vi.clearAllTimers());
  vi.stubGlobal("SharedWorker", Worker);
  vi.stubGlobal("WORKER_VERSION", "1");
  const asked: string[] = [];
  vi.stubGlobal("fetch", (address: string) => {
    asked.push(address);
    const answer = answers[address];
    return Promise.resolve(new Response(JSON.stringify(answer ?? null), { status: answer === undefined ? 404 : 200 }));
  });
  // Another query makes it another module, which begins anew.
  await import(/* @vite-ignore */ `../../../../src/monitor/web/page/main.ts?${randomUUID()}`);
  const { port, said } = Worker.last;
  const wait = (ms = 1000) => vi.advanceTimersByTimeAsync(ms);
  const hear = async (...messages: FeedMessage[]) => {
    for (const data of messages) port.onmessage!({ data });
    await wait();
  };
  /** Whether a message makes the page ask for files at once. */
  const asks = async (data: FeedMessage) => {
    await wait(10);
    asked.length = 0;
    port.onmessage!({ data });
    const count = asked.length;
    await wait(10);
    return count > 0;
  };
  const frame = (run: string, values: Readonly<Record<string, number>>, state?: Partial<RunState>): FeedMessage => ({
    kind: "frame",
    frame: {
      ...{ run, node: "n", first: 0, last: 0, dropped: 0 },
      metrics: Object.entries(values).map(([name, value]) => ({ name, value, step: 10, unit: "1", time: STATE.time })),
      ...(state && { state: { ...STATE, ...state } }),
    },
  });
  const status = () => [find(document, "header .state").dataset["state"], find(document, "header .state").textContent];
  return { asks, said, hear, wait, frame, status, live: { kind: "state", state: "live" } as const };
}

describe("the page", () => {
  it("begins with its name, and connects", async () => {
    const { status, said } = await page();
    expect([document.title, status(), said]).toEqual(["ScoreStream", ["connecting", "connecting"], ["join"]]);
    expect(find(document, ".said").textContent).toBe("No metric has come yet.");
    expect([...find(document, "main").children].map(({ id }) => id)).toEqual(["phase", "", "runs", "curves", "noise", "pipeline", "machine", ""]); // prettier-ignore
    expect([find(document, "#phase").hidden, find(document, "header .run").textContent]).toEqual([true, ""]);
  });

  it("draws what the feed brings: the run's name, its tiles, its row and its curve", async () => {
    const { hear, frame, live } = await page();
    await hear(live, frame("r", { "train/loss": 0.5 }));
    expect(find(document, "header .run").textContent).toBe("r");
    expect(texts(document, ".tiles .value").slice(0, 2)).toEqual(["10", "0.5"]);
    expect(texts(document, "#runs tbody bdi")).toEqual(["r", "n"]);
    expect(texts(document, "#curves figure:not([hidden]) h3")).toEqual(["Loss"]);
    expect(document.title).toBe("\u2068r\u2069 · ScoreStream");
  });

  it("takes what a worker has of a node already, and forgets runs that are gone", async () => {
    const { hear } = await page();
    const series = new Map([["train/loss", { unit: "1", steps: [7], values: [3], times: [NOW] }]]);
    const record = { run: "old", node: "n", series, last: 1, step: 7, time: NOW, before: 0, dropped: 0, state: undefined, heard: 0 }; // prettier-ignore
    await hear({ kind: "record", record });
    expect([find(document, "header .run").textContent, texts(document, ".tiles .value")[1]]).toEqual(["old", "3"]);
    await hear({ kind: "gone", runs: ["old"] });
    expect([find(document, "header .run").textContent, document.title]).toEqual(["", "ScoreStream"]);
  });
});

describe("the title", () => {
  it("tells how far the run is, and counts on without metrics", async () => {
    const { hear, frame, live, wait } = await page();
    await hear(live, frame("r", { "train/loss": 0.5 }, { runSeconds: 40, runSecondsLeft: 60 }));
    expect(document.title).toBe("40 % · 59 s · \u2068r\u2069 · ScoreStream");
    await wait(20_000);
    expect(document.title).toMatch(/ · 39 s · /);
    expect([find(document, "#phase").hidden, find(document, "#phase .now").textContent]).toEqual([false, "training · 50 of 200 steps · about 39 s left of the run"]); // prettier-ignore
    await wait(20_000);
    expect(document.title).toBe("lost · \u2068r\u2069 · ScoreStream");
  });
});

describe("the state", () => {
  it.each<[string, Partial<RunState>, "live" | "ended" | "lost", [string, string]]>([
    ["the phase of a run", { phase: "evaluating_bound" }, "live", ["evaluating_bound", "evaluating the bound"]],
    ["the end of a run", { phase: "finished" }, "ended", ["finished", "the run has finished"]],
    ["the end of a run among others", { phase: "stopped" }, "live", ["stopped", "the run was stopped"]],
    ["its failure", { phase: "failed" }, "live", ["failed", "the run has failed"]],
    ["the end of a feed whose run did not tell its own", {}, "ended", ["ended", "the run has ended"]],
    ["a lost connection before all", { phase: "finished" }, "lost", ["lost", "no connection, trying again"]],
  ])("is %s", async (_, state, connection, said) => {
    const { hear, frame, status } = await page();
    await hear(frame("r", { "train/loss": 1 }, state), { kind: "state", state: connection });
    expect(status()).toEqual(said);
  });

  it("is live for a run that tells none, and counts by the server's clock", async () => {
    const { hear, frame, live, status } = await page();
    await hear(live, frame("old", { "train/loss": 1 }));
    expect(status()).toEqual(["live", "live"]);
    await hear({ kind: "clock", ahead: 40_000 }, frame("old", {}, { time: STATE.time }));
    expect(status()).toEqual(["lost", "lost"]);
  });
});

describe("what a person does", () => {
  it("is drawn at once, and kept in the address", async () => {
    const { hear, frame, wait } = await page();
    await hear(frame("a", { "train/loss": 1 }), frame("b", { "train/loss": 2 }));
    enter(find(document, "#run-search"), "b", "input");
    await wait(20);
    expect(texts(document, "#runs tbody th bdi")).toEqual(["b"]);
    await wait(300);
    expect(location.hash).toBe("#find=b");
    location.hash = "#find=a";
    window.dispatchEvent(event("hashchange"));
    await wait(20);
    expect(texts(document, "#runs tbody th bdi")).toEqual(["a"]);
  });

  it("is taken from the remarks that this browser keeps", async () => {
    localStorage.setItem("scorestream-remarks", JSON.stringify({ r: { note: "kept" } }));
    const { hear, frame } = await page();
    await hear(frame("r", { "train/loss": 1 }));
    expect(find(document, "#run-note").value).toBe("kept");
  });

  it("changes the theme, and draws the charts in its colours", async () => {
    const { hear, frame } = await page();
    await hear(frame("r", { "train/loss": 1 }));
    const canvas = find(document, "#curves canvas");
    const theme = find(document, "#theme");
    expect(theme.textContent).toBe("Theme: auto");
    theme.click();
    expect([theme.textContent, document.documentElement.dataset["theme"], localStorage.getItem("scorestream-theme")]).toEqual(["Theme: light", "light", "light"]); // prettier-ignore
    expect(find(document, "#curves canvas")).not.toBe(canvas);
    theme.click();
    theme.click();
    expect([theme.textContent, document.documentElement.dataset["theme"]]).toEqual(["Theme: auto", undefined]);
  });

  it("asks the worker which runs there are, each minute; a page that is left leaves it", async () => {
    const { said, wait } = await page();
    await wait(60_000);
    expect(said).toEqual(["join", "check"]);
    window.dispatchEvent(event("pagehide"));
    window.dispatchEvent(event("pageshow", { persisted: false }));
    window.dispatchEvent(event("pageshow", { persisted: true }));
    expect(said.slice(2)).toEqual(["leave", "join"]);
  });
});

describe("files", () => {
  it("are asked for when a run is new, when a worker has it already, and at its end; not with each metric", async () => {
    const { asks, frame, live } = await page();
    expect(await asks(frame("r", { "train/loss": 1 }))).toBe(true);
    expect(await asks(frame("r", { "train/loss": 2 }))).toBe(false);
    expect(await asks(live)).toBe(false);
    expect(await asks({ kind: "state", state: "ended" })).toBe(true);
    const record = { run: "r", node: "m", series: new Map(), last: 1, step: 7, time: NOW, before: 0, dropped: 0, state: undefined, heard: 0 }; // prettier-ignore
    expect(await asks({ kind: "record", record })).toBe(true);
  });
});
