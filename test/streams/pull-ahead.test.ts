import { setImmediate } from "node:timers/promises";
import { concatMap, lastValueFrom, of, take, tap, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { credit } from "../../src/streams/credit.ts";
import { pullAhead, type Job } from "../../src/streams/pull-ahead.ts";

/** Jobs 0, 1, 2 ..., resolved from the last to the first of those begun, which `begun` counts. */
function counting(length: number) {
  const seen = { begun: 0, closed: false };
  function* jobs(): Generator<Job<number>, void> {
    try {
      for (let i = 0; i < length; i++) {
        yield {
          start: async () => {
            seen.begun++;
            for (let turn = 0; turn < 5 - (i % 5); turn++) await setImmediate();
            return i;
          },
        };
      }
    } finally {
      seen.closed = true;
    }
  }
  return { seen, jobs };
}

describe("pullAhead", () => {
  it("gives values in the order of their jobs, however long each takes", async () => {
    const { jobs, seen } = counting(12);
    const values = await lastValueFrom(pullAhead(jobs, 4).pipe(toArray()));
    expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(seen).toEqual({ begun: 12, closed: true });
  });

  it("begins no more than it may, behind a slow stage too", async () => {
    const { jobs, seen } = counting(30);
    const credits = credit(2);
    let [done, most] = [0, 0];
    const slow = pullAhead(jobs, 3, credits).pipe(
      concatMap(async () => {
        await setImmediate();
        most = Math.max(most, seen.begun - done);
        done++;
      }),
      credits.refund(),
    );
    await lastValueFrom(slow);
    // Three ahead, and two that the credit lets pass.
    expect(most).toBeLessThanOrEqual(5);
    expect(most).toBeGreaterThan(3);
    expect(done).toBe(30);
  });

  it("begins just so many at once, and emits no more than it has credit for", async () => {
    const { jobs, seen } = counting(30);
    const credits = credit(2);
    const values: number[] = [];
    const subscription = pullAhead(jobs, 3, credits).subscribe((value) => values.push(value));
    expect(seen.begun).toBe(3);
    for (let turn = 0; turn < 40; turn++) await setImmediate();
    expect([values, seen.begun]).toEqual([[0, 1], 5]);
    of(0).pipe(credits.refund()).subscribe();
    for (let turn = 0; turn < 40; turn++) await setImmediate();
    expect([values, seen.begun]).toEqual([[0, 1, 2], 6]);
    subscription.unsubscribe();
  });

  it("leaves no job's error unhandled that comes before its turn", async () => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown) => void unhandled.push(error);
    process.on("unhandledRejection", listen);
    const slow = async () => {
      for (let turn = 0; turn < 10; turn++) await setImmediate();
      return 1;
    };
    const failing = function* (): Generator<Job<number>, void> {
      yield { start: slow };
      yield { start: () => Promise.reject(new Error("disk")) };
    };
    try {
      await expect(lastValueFrom(pullAhead(failing, 2))).rejects.toThrow("disk");
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", listen);
    }
  });

  it("begins nothing before it is subscribed to, and closes the jobs after", async () => {
    const { jobs, seen } = counting(100);
    const source = pullAhead(jobs, 2);
    expect(seen.begun).toBe(0);
    await lastValueFrom(source.pipe(take(3)));
    expect(seen.closed).toBe(true);
    expect(seen.begun).toBeLessThanOrEqual(6);
  });

  it("passes on the error of a job in its turn, and of the jobs", async () => {
    const failing = function* (): Generator<Job<number>, void> {
      yield { start: () => Promise.resolve(1) };
      yield { start: () => Promise.reject(new Error("disk")) };
      yield { start: () => Promise.resolve(3) };
    };
    const seen: number[] = [];
    const source = pullAhead(failing, 3).pipe(tap((value) => seen.push(value)));
    await expect(lastValueFrom(source)).rejects.toThrow("disk");
    expect(seen).toEqual([1]);
    const broken = () => {
      throw new Error("no jobs");
    };
    await expect(lastValueFrom(pullAhead(broken, 1))).rejects.toThrow("no jobs");
  });

  it("completes before a job that says so, though it had begun", async () => {
    const stop = new AbortController();
    const { jobs } = counting(9);
    function* ending(): Generator<Job<number>, void> {
      for (const job of jobs()) yield { ...job, ends: () => stop.signal.aborted };
    }
    const values = pullAhead(ending, 4).pipe(tap((value) => value === 2 && stop.abort()));
    expect(await lastValueFrom(values.pipe(toArray()))).toEqual([0, 1, 2]);
  });

  it("refuses to look ahead by nothing", () => {
    expect(() => pullAhead(function* () {}, 0)).toThrow("ahead must be a positive integer, got 0");
  });
});
