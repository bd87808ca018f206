/** Marble tests that every operator of one value in, one value out must pass. */
import { map, type OperatorFunction } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { expect } from "vitest";

export const testScheduler = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

/**
 * Expects one value in the frame of each value, completion, errors and unsubscription passed on.
 *
 * @param label What to compare of an output, for `a` and `b` in this order.
 */
export function expectInStep<I, O>(
  operator: () => OperatorFunction<I, O>,
  [a, b]: readonly [I, I],
  label: (value: O) => unknown,
  [x, y]: readonly [unknown, unknown],
): void {
  const cases = [
    { source: "-a--b-|", until: "--------", output: "-x--y-|", subscription: "^-----!" },
    { source: "-a--b-#", until: "--------", output: "-x--y-#", subscription: "^-----!" },
    { source: "-a--b--", until: "--!", output: "-x-", subscription: "^-!" },
    { source: "(ab|)", until: "--------", output: "(xy|)", subscription: "(^!)" },
    { source: "|", until: "--------", output: "|", subscription: "(^!)" },
  ];
  for (const { source, until, output, subscription } of cases) {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const values = cold(source, { a, b });
      expectObservable(values.pipe(operator(), map(label)), until.includes("!") ? until : undefined).toBe(output, {
        x,
        y,
      });
      expectSubscriptions(values.subscriptions).toBe(subscription);
    });
  }
}
