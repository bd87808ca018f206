import { concat, EMPTY, lastValueFrom, NEVER, of, tap, throwError, timer } from "rxjs";
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

  describe("with a state to resume from", () => {
    /** A record of looks that writes down what it is told, and a state at a step. */
    const resumed = (step: number, missing: boolean) => {
      const told: string[] = [];
      const looks = {
        goOn: (at: number) => (told.push(`go on at ${at}`), missing),
        made: (at: number) => void told.push(`made ${at}`),
        begin: ({ step: at }: Snapshot) => {
          told.push(`begin ${at}`);
          let over = false;
          return (cut: boolean) => {
            if (!over) told.push(cut ? "cut" : "end");
            over = true;
          };
        },
      };
      const state = {
        step,
        snapshot: () => STEPS["abcd"[state.step - 1] as keyof typeof STEPS].copy!,
        restore: (to: Snapshot) => void (state.step = to.step),
      };
      const follow = tap(({ updates }: Captured) => void (state.step = updates));
      return { told, state, follow, resume: { state, store: { looks } } };
    };

    it("makes a look that is missing before it trains on", () => {
      const { told, resume } = resumed(2, true);
      scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold("cd|", STEPS);
        const stepped = source.pipe(betweenSteps(() => timer(3), { ...options(2), resume }));
        expectObservable(stepped).toBe("---c---(d|)", STEPS);
        expectSubscriptions(source.subscriptions).toBe("---^-!");
      });
      const both = ["begin 2", "made 2", "end", "begin 4", "made 4", "end"];
      expect(told).toEqual(["go on at 2", ...both]);
    });

    it.each([
      ["was made", 2, false, 100],
      ["would be one before the first step", 0, true, 100],
      ["is not due", 1, true, 100],
      ["is that of the last step", 2, true, 2],
      ["is of a step after the last one", 2, true, 1],
    ])("trains on at once where the look %s", (_, step, missing, last) => {
      const { told, resume } = resumed(step, missing);
      scheduler().run(({ cold, expectObservable }) => {
        const stepped = cold("c|", STEPS).pipe(betweenSteps(() => timer(3), { ...options(2, last), resume }));
        expectObservable(stepped).toBe("c|", STEPS);
      });
      expect(told).toEqual([`go on at ${step}`]);
    });

    it("goes back to the look that a stop cuts short, and makes no further one", () => {
      const { told, state, follow, resume } = resumed(0, false);
      const stop = new AbortController();
      const seen: number[] = [];
      const look = ({ step }: Snapshot) => {
        seen.push(step);
        return timer(2).pipe(tap(() => stop.abort()));
      };
      scheduler().run(({ cold, expectObservable }) => {
        const source = cold("abcd----|", STEPS).pipe(follow);
        const stepped = source.pipe(betweenSteps(look, { ...options(2, 4), signal: stop.signal, resume }));
        expectObservable(stepped).toBe("a--(bcd)|", STEPS);
      });
      expect([seen, state.step]).toEqual([[2], 2]);
      expect(told).toEqual(["go on at 0", "begin 2", "cut"]);
    });

    it("goes back before it passes on an error of the source", () => {
      const { state, follow, resume } = resumed(0, false);
      const signal = AbortSignal.abort();
      const source = of(STEPS.a, STEPS.b).pipe(follow);
      const failing = concat(
        source,
        throwError(() => new Error("full")),
      ).pipe(betweenSteps(() => EMPTY, { ...options(1), signal, resume }));
      const steps: number[] = [];
      failing.subscribe({ error: () => steps.push(state.step) });
      expect(steps).toEqual([1]);
    });

    it("counts a look as cut short when the training is given up", () => {
      const { told, resume } = resumed(0, false);
      const looking = of(STEPS.a).pipe(betweenSteps(() => NEVER, { ...options(1), resume }));
      looking.subscribe().unsubscribe();
      expect(told).toEqual(["go on at 0", "begin 1", "cut"]);
    });

    it("counts the last step as looked at, once its value passes", () => {
      const { told, resume } = resumed(0, false);
      scheduler().run(({ cold, expectObservable }) => {
        const stepped = cold("cd|", STEPS).pipe(betweenSteps(() => timer(3), { ...options(3, 4), resume }));
        expectObservable(stepped).toBe("---(cd|)", STEPS);
      });
      expect(told).toEqual(["go on at 0", "begin 3", "made 3", "end", "made 4"]);
    });
  });
});
