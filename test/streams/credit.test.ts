import { filter, from, lastValueFrom, map, mergeMap, Observable, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { StarvedError, withCredit, type Credit } from "../../src/streams/credit.ts";
import { pull } from "../../src/streams/pull.ts";

/** Values with a step, as batches have. */
const steps = (count: number, credit: Credit) =>
  pull(function* () {
    for (let step = 0; step < count; step++) yield { info: { step } };
  }, credit);

const stepsOf = map(({ info }: { readonly info: { readonly step: number } }) => info.step);

describe("withCredit", () => {
  it("passes all values of a loop that gives every credit back", async () => {
    const loop = withCredit(2, (credit) => steps(5, credit).pipe(credit.refund(), stepsOf, toArray()));
    expect(await lastValueFrom(loop)).toEqual([0, 1, 2, 3, 4]);
    expect(await lastValueFrom(loop)).toEqual([0, 1, 2, 3, 4]);
  });

  it("names a loop without credit.refund() rather than wait for ever", async () => {
    const loop = withCredit(2, (credit) => steps(5, credit).pipe(stepsOf));
    await expect(lastValueFrom(loop)).rejects.toThrow(
      new StarvedError(
        "withCredit: 2 values are on their way and the loop has no credit.refund(); add it behind the last stage",
      ),
    );
  });

  it("names the step that a stage dropped", async () => {
    const loop = withCredit(4, (credit) =>
      steps(5, credit).pipe(
        filter(({ info }) => info.step !== 2),
        credit.refund(),
      ),
    );
    await expect(lastValueFrom(loop)).rejects.toThrow("credit.refund: step 2 never came: a stage before it dropped");
  });

  const watchers = () => new Set(process.listeners("beforeExit"));

  it("names the starvation once nothing is at work, and watches no longer afterwards", async () => {
    const before = watchers();
    const loop = withCredit(2, (credit) =>
      steps(5, credit).pipe(
        filter(() => false),
        credit.refund(),
      ),
    );
    const failed = lastValueFrom(loop);
    // A process with nothing left to do emits this.
    setTimeout(() => process.emit("beforeExit", 0), 20);
    await expect(failed).rejects.toThrow("2 values left and did not come to credit.refund()");
    expect([...watchers()].filter((watcher) => !before.has(watcher))).toEqual([]);
  });

  it("watches no longer once unsubscribed", async () => {
    const before = process.listenerCount("beforeExit");
    const loop = withCredit(1, (credit) =>
      steps(5, credit).pipe(
        mergeMap(() => new Observable()),
        credit.refund(),
      ),
    );
    const subscription = loop.subscribe();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(process.listenerCount("beforeExit")).toBe(before + 1);
    subscription.unsubscribe();
    expect(process.listenerCount("beforeExit")).toBe(before);
  });

  it("gives back as many as became one", async () => {
    const loop = withCredit(2, (credit) =>
      steps(6, credit).pipe(
        filter(({ info }) => info.step % 2 === 1),
        map(({ info }) => ({ pair: info.step })),
        credit.refund(2),
        map(({ pair }) => pair),
        toArray(),
      ),
    );
    expect(await lastValueFrom(loop)).toEqual([1, 3, 5]);
  });

  it.each([0, 1.5])("refuses a window of %d", (size) => {
    expect(() => withCredit(size, () => from(of(1)))).toThrow("credit: size must be a positive integer");
  });
});
