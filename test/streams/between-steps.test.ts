import { EMPTY, lastValueFrom, NEVER, of, throwError, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { Meter } from "../../src/metrics/meter.ts";
import type { RunEvent } from "../../src/metrics/run-event.ts";
import { betweenSteps } from "../../src/streams/between-steps.ts";
import type { Captured } from "../../src/streams/capture-state.ts";
import type { Snapshot } from "../../src/training/train-state.ts";

const scheduler = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

const options = (every: number, last = 100) => ({ every, last, meter: new Meter(), tell: () => {} });

const nothing = new Float32Array(0);
/** The value of a step, with the copy that `captureState` makes. */
const stepAt = (updates: number): Captured<{ readonly name: string }> => ({
  name: "abcd"[updates - 1]!,
  updates,
  copy: { step: updates, parameters: nothing, m: nothing, v: nothing, ema: nothing },
});
const STEPS = { a: stepAt(1), b: stepAt(2), c: stepAt(3), d: stepAt(4) };

describe("betweenSteps", () => {
  it("looks at the copy of every so many steps but not of the last, and holds values back meanwhile", () => {
    const looks: number[] = [];
    scheduler().run(({ cold, expectObservable }) => {
      const look = ({ step }: Snapshot) => {
        looks.push(step);
        return timer(3);
      };
      const stepped = cold("abcd|", STEPS).pipe(betweenSteps(look, options(2, 4)));
      expectObservable(stepped).toBe("a---(bcd|)", STEPS);
    });
    expect(looks).toEqual([2]);
  });

  it("refuses a step without its copy, rather than look at a later state", async () => {
    const bare = { name: "b", updates: 2 };
    await expect(lastValueFrom(of(bare).pipe(betweenSteps(() => EMPTY, options(2))))).rejects.toThrow(
      "betweenSteps: no copy of step 2 passes; give captureState the same `every`",
    );
  });

  it("passes all on at once where none is wanted", () => {
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold("-a-b-#", STEPS);
      expectObservable(source.pipe(betweenSteps(() => NEVER, options(0)))).toBe("-a-b-#", STEPS);
      expectSubscriptions(source.subscriptions).toBe("^----!");
    });
  });

  it("frees a look on unsubscription, and tells that it is over", () => {
    const told: boolean[] = [];
    const tell = (event: RunEvent) => void (event.type === "look" && told.push(event.begins));
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const looking = cold("-----|");
      const held = cold("-a----", STEPS).pipe(betweenSteps(() => looking, { ...options(1), tell }));
      expectObservable(held, "---!").toBe("----");
      expectSubscriptions(looking.subscriptions).toBe("-^-!");
    });
    expect(told).toEqual([true, false]);
  });

  const lookings = { "in its stream": () => throwError(() => new Error("full")), "at once": () => { throw new Error("full"); } }; // prettier-ignore
  it.each(Object.entries(lookings))("tells of a look that fails %s, and trains on", (_, look) => {
    const told: string[] = [];
    const tell = (event: RunEvent) => void (event.type === "message" && told.push(event.text));
    scheduler().run(({ cold, expectObservable }) => {
      const stepped = cold("-a-b-|", STEPS).pipe(betweenSteps(look, { ...options(2), tell }));
      expectObservable(stepped).toBe("-a-b-|", STEPS);
    });
    expect(told).toEqual(["warning: the look at step 2 failed: full; training goes on"]);
  });

  it("says nothing of a look that the stop interrupted, and hands its value on to be saved", async () => {
    const stop = new AbortController();
    const look = () => {
      stop.abort();
      return throwError(() => stop.signal.reason as Error);
    };
    const interrupted = of(STEPS.a).pipe(
      betweenSteps(look, {
        ...options(1),
        tell: ({ type }) => expect(["plan", "look"]).toContain(type),
        signal: stop.signal,
      }),
    );
    expect(await lastValueFrom(interrupted)).toBe(STEPS.a);
  });

  it("tells the meter how long training stood still, before the value passes", () => {
    let time = 1000;
    const meter = new Meter(() => time);
    const told: unknown[] = [];
    const tell = (event: RunEvent) => void (event.type === "look" && told.push(event.begins));
    of(STEPS.a)
      .pipe(betweenSteps(() => ((time += 250), EMPTY), { ...options(1), meter, tell }))
      .subscribe(() => told.push(meter.pauseEnd()));
    expect(told).toEqual([true, false, 1250]);
  });

  it.each([
    [0, 100, 0],
    [7, 100, 14],
    [50, 100, 1],
    [100, 100, 0],
    [8, 0, 0],
  ])("tells with looks every %i of %i steps that there will be %i", (every, last, total) => {
    const told: RunEvent[] = [];
    const passed = EMPTY.pipe(
      betweenSteps(() => EMPTY, { ...options(every, last), tell: (event) => void told.push(event) }),
    );
    expect(told).toEqual([]);
    passed.subscribe();
    expect(told).toEqual([{ type: "plan", totals: { snapshot: total } }]);
  });

  it("refuses what is no whole number", () => {
    expect(() => betweenSteps(() => EMPTY, options(-1))).toThrow("every must be a whole number, got -1");
  });
});
