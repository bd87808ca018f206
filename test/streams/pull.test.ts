import { setTimeout } from "node:timers/promises";
import { bufferCount, concatMap, lastValueFrom, map, take, tap, toArray, type MonoTypeOperatorFunction } from "rxjs";
import { describe, expect, it } from "vitest";
import { credit, withCredit } from "../../src/streams/credit.ts";
import { pull } from "../../src/streams/pull.ts";

/** Counts from 0 and tells what became of it. */
function counter(end = Infinity) {
  const log = { made: 0, closed: 0 };
  function* generate(): Generator<number, void, void> {
    try {
      while (log.made < end) yield log.made++;
    } finally {
      log.closed++;
    }
  }
  return { log, generate };
}

describe("pull", () => {
  it("emits what the generator yields, then completes; each subscription runs it anew", async () => {
    const numbers = pull(function* () {
      yield* [1, 2, 3];
    });
    expect(await lastValueFrom(numbers.pipe(toArray()))).toEqual([1, 2, 3]);
    expect(await lastValueFrom(numbers.pipe(toArray()))).toEqual([1, 2, 3]);
  });

  it("makes the next value when the stages behind it are done with the last", async () => {
    const { log, generate } = counter(20);
    const ahead = pull(generate).pipe(map((value) => log.made - value));
    expect(new Set(await lastValueFrom(ahead.pipe(toArray())))).toEqual(new Set([1]));
  });

  it("lets timers run between values", async () => {
    const { generate } = counter();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await lastValueFrom(
      pull(generate).pipe(
        tap(() => void (ticks > 3 || busy(1))),
        take(50),
      ),
    );
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it("closes the generator on unsubscription", async () => {
    const { log, generate } = counter();
    const subscription = pull(generate).subscribe();
    await setTimeout(5);
    subscription.unsubscribe();
    const { made } = log;
    expect(made).toBeGreaterThan(0);
    expect(log.closed).toBe(1);
    await setTimeout(5);
    expect(log).toEqual({ made, closed: 1 });
  });

  it("closes the generator when a stage behind it has enough", async () => {
    const { log, generate } = counter();
    await lastValueFrom(pull(generate).pipe(take(2)));
    expect(log).toEqual({ made: 2, closed: 1 });
  });

  it("notifies an error of the generator, and of a stage behind it, after which nothing more is made", async () => {
    const failing = pull(function* () {
      yield 1;
      throw new Error("disk gone");
    });
    const seen: number[] = [];
    await expect(lastValueFrom(failing.pipe(tap((value) => seen.push(value))))).rejects.toThrow("disk gone");
    expect(seen).toEqual([1]);

    const { log, generate } = counter();
    const refused = pull(generate).pipe(
      map(() => {
        throw new Error("bad value");
      }),
    );
    await expect(lastValueFrom(refused)).rejects.toThrow("bad value");
    expect(log).toEqual({ made: 1, closed: 1 });
  });
});

describe("credit", () => {
  it.each([[1], [3]])("keeps a fast source at most %d ahead of a slow stage", async (window) => {
    const { log, generate } = counter(20);
    const credits = credit(window);
    let done = 0;
    let most = 0;
    const slow = pull(generate, credits).pipe(
      tap(() => (most = Math.max(most, log.made - done))),
      concatMap(async (value) => {
        await setTimeout(1);
        done++;
        return value;
      }),
      credits.refund(),
      toArray(),
    );
    expect(await lastValueFrom(slow)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(most).toBe(window);
  });

  it("without it the same source would run to its end: the test can fail", async () => {
    const { log, generate } = counter(20);
    const slow = pull(generate).pipe(
      concatMap(() => setTimeout(20)),
      take(1),
    );
    await lastValueFrom(slow);
    expect(log.made).toBe(20);
  });

  it("hands credits out in the order they were asked for", async () => {
    const credits = credit(1);
    const order: number[] = [];
    const takers = [0, 1, 2].map((i) => credits.take().then(() => order.push(i)));
    await takers[0];
    expect(order).toEqual([0]);
    await lastValueFrom(pull(counter(2).generate).pipe(credits.refund()));
    await Promise.all(takers);
    expect(order).toEqual([0, 1, 2]);
  });

  it("stays silent after unsubscription while it waits for a credit", async () => {
    const { log, generate } = counter();
    const credits = credit(2);
    const seen: number[] = [];
    const subscription = pull(generate, credits).subscribe((value) => seen.push(value));
    await setTimeout(5);
    expect(seen).toEqual([0, 1]);
    subscription.unsubscribe();
    await lastValueFrom(pull(counter(1).generate).pipe(credits.refund()));
    await setTimeout(5);
    expect(seen).toEqual([0, 1]);
    expect(log).toEqual({ made: 2, closed: 1 });
  });

  it("gives back as many credits as values became one", async () => {
    const { log, generate } = counter(12);
    const credits = credit(4);
    let most = 0;
    let done = 0;
    const sums = pull(generate, credits).pipe(
      tap(() => (most = Math.max(most, log.made - done))),
      bufferCount(4),
      concatMap(async (values) => {
        await setTimeout(1);
        done += values.length;
        return values.length;
      }),
      credits.refund(4),
      toArray(),
    );
    expect(await lastValueFrom(sums)).toEqual([4, 4, 4]);
    expect(most).toBe(4);
  });

  it("belongs to a subscription with withCredit: one that was left with credits out takes none from the next", async () => {
    const values = withCredit(2, (credits) => pull(counter(5).generate, credits).pipe(delayed(), credits.refund()));
    for (let i = 0; i < 3; i++) await lastValueFrom(values.pipe(take(1)));
    expect(await lastValueFrom(values.pipe(toArray()))).toEqual([0, 1, 2, 3, 4]);
    expect(() => withCredit(0, () => values)).toThrow("credit: size must be a positive integer, got 0");
  });

  it.each([[0], [1.5]])("refuses a window of %d", (size) => {
    expect(() => credit(size)).toThrow(`credit: size must be a positive integer, got ${size}`);
  });
});

/** A stage that waits. */
function delayed(): MonoTypeOperatorFunction<number> {
  return concatMap(async (value) => {
    await setTimeout(1);
    return value;
  });
}

function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
