/** How the page comes by what it knows. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Frame } from "../../../src/monitor/web/frames.ts";
import { connect, type ConnectionState } from "../../../src/monitor/web/page/connection.ts";
import { metric } from "../fixture.ts";

/** A frame of one metric, so many ms after 1970. */
function frame(run: string, node: string, place: number, ms: number): Frame {
  const metrics = [{ ...metric(place), time: new Date(ms).toISOString() }];
  return { run, node, first: place, last: place, dropped: 0, metrics };
}

describe("connect", () => {
  class Source extends EventTarget {
    static readonly opened: Source[] = [];
    closed = false;
    readonly query: URLSearchParams;
    constructor(address: string) {
      super();
      this.query = new URL(address, "http://page").searchParams;
      Source.opened.push(this);
    }
    close(): void {
      this.closed = true;
    }
    tell(name: string, data: unknown = {}): void {
      this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) }));
    }
  }

  beforeEach(() => {
    Source.opened.length = 0;
    vi.useFakeTimers({ now: 1000 });
    vi.stubGlobal("EventSource", Source);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  function connected() {
    const told = { states: [] as ConnectionState[], frames: [] as Frame[], ahead: [] as number[] };
    let places: string[] = [];
    connect({
      places: () => places,
      frame: (one) => told.frames.push(one),
      state: (state) => told.states.push(state),
      clock: (ahead) => told.ahead.push(ahead),
    });
    return { ...told, from: (...next: string[]) => (places = next) };
  }
  const newest = () => Source.opened.at(-1)!;

  it("passes on frames and the server's clock", () => {
    const { states, frames, ahead } = connected();
    expect(states).toEqual(["connecting"]);
    newest().tell("hello", { now: new Date(4000).toISOString() });
    const one = frame("r", "n", 1, 0);
    newest().tell("metrics", one);
    expect([states, frames, ahead]).toEqual([["connecting", "live"], [one], [3000]]);
    expect(newest().query.get("points")).toBe("5000");
    expect(newest().query.has("from")).toBe(false);
  });

  it("asks to go on in as many nodes as an address has room for, the first ones", () => {
    const { from } = connected();
    from(...Array.from({ length: 1000 }, (_, i) => `${5000 - i},cifar10-${i},node`));
    newest().tell("error");
    vi.advanceTimersByTime(1000);
    expect(newest().query.toString().length).toBeLessThan(6100);
    const asked = newest().query.getAll("from");
    expect(asked[0]).toBe("5000,cifar10-0,node");
    expect(asked.length).toBeGreaterThan(150);
  });

  it("opens again where it broke off, each time later, and soon again once it was live", () => {
    const { states, from } = connected();
    from("5,r,n", "3,s,m");
    for (const wait of [1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const before = newest();
      before.tell("error");
      expect([before.closed, states.at(-1)]).toEqual([true, "lost"]);
      vi.advanceTimersByTime(wait - 1);
      expect(newest()).toBe(before);
      vi.advanceTimersByTime(1);
      expect(newest()).not.toBe(before);
    }
    expect(newest().query.getAll("from")).toEqual(["5,r,n", "3,s,m"]);
    newest().tell("hello", { now: "1970-01-01T00:00:00Z" });
    newest().tell("failed");
    expect(states.at(-1)).toBe("lost");
    vi.advanceTimersByTime(1000);
    expect(Source.opened).toHaveLength(8);
  });

  it("opens again when nothing comes for 35 s, not even a sign of life", () => {
    const { states } = connected();
    newest().tell("hello", { now: "1970-01-01T00:00:00Z" });
    for (let i = 0; i < 4; i++) {
      vi.advanceTimersByTime(15_000);
      newest().tell("alive");
    }
    expect([states, Source.opened.length]).toEqual([["connecting", "live"], 1]);
    vi.advanceTimersByTime(34_999);
    expect(states.at(-1)).toBe("live");
    vi.advanceTimersByTime(1);
    expect([states.at(-1), newest().closed]).toEqual(["lost", true]);
    vi.advanceTimersByTime(1000);
    expect(Source.opened).toHaveLength(2);
    // So does an attempt that nobody answers.
    vi.advanceTimersByTime(35_000);
    expect(newest().closed).toBe(true);
  });

  it("counts silence after the end as the end, until the run goes on", () => {
    const { states } = connected();
    newest().tell("hello", { now: "1970-01-01T00:00:00Z" });
    newest().tell("end");
    vi.advanceTimersByTime(1000);
    newest().tell("error");
    vi.advanceTimersByTime(2000);
    newest().tell("hello", { now: "1970-01-01T00:00:00Z" });
    newest().tell("error");
    expect(states).toEqual(["connecting", "live", "ended", "ended", "live", "lost"]);
  });
});
