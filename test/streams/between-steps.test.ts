import { EMPTY, NEVER, of, tap, throwError, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { Meter } from "../../src/metrics/meter.ts";
import { betweenSteps } from "../../src/streams/between-steps.ts";

const scheduler = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

/** Options for values that are their steps. */
const at = (every: number, last = 100) => {
  const state = { step: 0 };
  return { options: { step: () => state.step, every, last, meter: new Meter() }, state };
};

describe("betweenSteps", () => {
  it("looks every so many steps but not at the last, in the turn of the step, and holds values back meanwhile", () => {
    const { options, state } = at(2, 4);
    const looks: number[] = [];
    scheduler().run(({ cold, expectObservable }) => {
      const look = () => {
        looks.push(state.step);
        return timer(3);
      };
      const steps = cold("abcd|").pipe(tap(() => state.step++));
      const stepped = steps.pipe(betweenSteps(look, { ...options, now: () => 0 }));
      expectObservable(stepped).toBe("a---(bcd|)");
    });
    expect(looks).toEqual([2]);
  });

  it("passes all on at once where none is wanted", () => {
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold("-a-b-#");
      expectObservable(source.pipe(betweenSteps<string>(() => NEVER, at(0).options))).toBe("-a-b-#");
      expectSubscriptions(source.subscriptions).toBe("^----!");
    });
  });

  it("ends with the error of a look, and frees it on unsubscription", () => {
    const { options } = at(1);
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const failing = () => throwError(() => "error");
      expectObservable(cold("-a-b-|").pipe(betweenSteps<string>(failing, { ...options, step: () => 1 }))).toBe("-#");
      const looking = cold("-----|");
      const held = cold("-a----").pipe(betweenSteps<string>(() => looking, { ...options, step: () => 1 }));
      expectObservable(held, "---!").toBe("----");
      expectSubscriptions(looking.subscriptions).toBe("-^-!");
    });
  });

  it("tells the meter how long training stood still", () => {
    const { options } = at(1);
    let time = 0;
    const look = () => ((time += 250), EMPTY);
    const now = () => (time += 1000);
    of("a")
      .pipe(betweenSteps<string>(look, { ...options, step: () => 1, now }))
      .subscribe();
    expect(options.meter.held()).toBe(1000);
    expect(options.meter.held()).toBe(0);
  });

  it("refuses what is no whole number", () => {
    expect(() => betweenSteps(() => EMPTY, at(-1).options)).toThrow("every must be a whole number, got -1");
  });
});
