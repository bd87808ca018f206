/** Where a tab's metrics come from: a connection of its own where there is no worker, and the worker's program. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FeedMessage } from "../../../../src/monitor/web/page/feed-hub.ts";
import { followFeed } from "../../../../src/monitor/web/page/shared-feed.ts";
import { metrics } from "../../fixture.ts";
import { usePage } from "./fixture.ts";

usePage();

class Source extends EventTarget {
  static readonly opened: Source[] = [];
  readonly address: string;
  constructor(address: string) {
    super();
    this.address = address;
    Source.opened.push(this);
  }
  close(): void {}
  tell(name: string, data: unknown): void {
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) }));
  }
}

class Worker extends EventTarget {
  static last: Worker | undefined;
  readonly made: readonly unknown[];
  readonly said: unknown[] = [];
  readonly port = { postMessage: (message: unknown) => void this.said.push(message), onmessage: undefined };
  constructor(...made: readonly unknown[]) {
    super();
    this.made = made;
    Worker.last = this;
  }
}

/** The runs that the server has; undefined: it does not answer. */
let there: readonly string[] | undefined;
beforeEach(() => {
  vi.useFakeTimers();
  Source.opened.length = 0;
  there = [];
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("SharedWorker", undefined);
  vi.stubGlobal("fetch", () => (there ? Promise.resolve(Response.json(there)) : Promise.reject(new Error("away"))));
});
afterEach(() => vi.clearAllTimers());

const frame = (run: string) => ({ run, node: "n", first: 1, last: 1, dropped: 0, metrics: metrics(1, 1) });

function followed() {
  const [frames, states, gone] = [[] as string[], [] as string[], [] as (readonly string[])[]];
  const feed = followFeed({
    places: () => ["2,r,n"],
    frame: ({ run }) => frames.push(run),
    state: (state) => states.push(state),
    clock: () => {},
    record: () => {},
    gone: (runs) => gone.push(runs),
  });
  return { feed, frames, states, gone };
}

describe("a tab without a worker", () => {
  it("has a connection of its own, which goes on where the tab is", () => {
    const { frames, states } = followed();
    expect(Source.opened.map(({ address }) => address)).toEqual(["api/feed?points=5000&from=2%2Cr%2Cn"]);
    Source.opened[0]!.tell("hello", { now: new Date().toISOString() });
    Source.opened[0]!.tell("metrics", frame("r"));
    expect([frames, states]).toEqual([["r"], ["connecting", "live"]]);
  });

  it("is told each minute, and when it asks, which of its runs the server has no more", async () => {
    const { feed, gone } = followed();
    for (const run of ["a", "b"]) Source.opened[0]!.tell("metrics", frame(run));
    there = ["a", "other"];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gone).toEqual([["b"]]);
    there = [];
    feed.check();
    await vi.advanceTimersByTimeAsync(0);
    expect(gone.slice(1)).toEqual([["a"]]);
  });

  it("forgets no run while the server does not answer", async () => {
    const { feed, gone } = followed();
    Source.opened[0]!.tell("metrics", frame("a"));
    there = undefined;
    feed.check();
    await vi.advanceTimersByTimeAsync(0);
    expect(gone.flat()).toEqual([]);
  });
});

describe("a tab whose worker's program cannot be fetched", () => {
  it("has a connection of its own, once, and asks by itself", async () => {
    vi.stubGlobal("SharedWorker", Worker);
    vi.stubGlobal("WORKER_VERSION", "v1");
    const { feed, frames, gone } = followed();
    expect([Worker.last!.made, Worker.last!.said, Source.opened.length]).toEqual([["feed-worker.js", "v1"], ["join"], 0]); // prettier-ignore
    for (let i = 0; i < 2; i++) Worker.last!.dispatchEvent(new Event("error"));
    expect(Source.opened.length).toBe(1);
    Source.opened[0]!.tell("metrics", frame("a"));
    feed.check();
    await vi.advanceTimersByTimeAsync(0);
    expect([frames, gone, Worker.last!.said]).toEqual([["a"], [["a"]], ["join"]]);
  });
});

describe("the worker's program", () => {
  it("has one connection, and tells each tab that joins what has come", async () => {
    const scope: { onconnect?: (event: object) => void } = {};
    vi.stubGlobal("self", scope);
    // Another query makes it another module, which begins anew.
    await import(/* @vite-ignore */ `../../../../src/monitor/web/page/feed-worker.ts?${randomUUID()}`);
    Source.opened[0]!.tell("metrics", frame("r"));
    const join = () => {
      const heard: FeedMessage["kind"][] = [];
      const port = {
        postMessage: ({ kind }: FeedMessage) => heard.push(kind),
        onmessage: undefined as ((event: object) => void) | undefined,
      };
      scope.onconnect!({ ports: [port] });
      expect(heard).toEqual([]);
      port.onmessage!({ data: "join" });
      return heard;
    };
    expect([join(), join(), Source.opened.length]).toEqual([["clock", "record", "state"], ["clock", "record", "state"], 1]); // prettier-ignore
    there = [];
    Source.opened[0]!.tell("hello", { now: new Date().toISOString() });
    const late = join();
    await vi.advanceTimersByTimeAsync(0);
    expect(late.at(-1)).toBe("gone");
  });
});
