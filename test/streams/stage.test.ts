import { asyncScheduler, bufferCount, concatMap, delay, filter, from, identity, lastValueFrom, map, Observable, of, scheduled, Subject, tap } from "rxjs"; // prettier-ignore
import { describe, expect, it } from "vitest";
import { Meter } from "../../src/metrics/meter.ts";
import { stagesOf } from "../../src/streams/stage.ts";
import { expectInStep, testScheduler } from "../support/marbles.ts";

/** A meter whose clock stands still unless it is put forward, ms. */
function standing() {
  const clock = { time: 0 };
  const meter = new Meter(() => clock.time);
  const read = () => Object.fromEntries(meter.read().map(({ name, value }) => [name, value]));
  return { clock, meter, stage: stagesOf(meter), read };
}

describe("stage", () => {
  it("passes on values, order, completion, errors and unsubscription in the same frame", () => {
    const double = () => standing().stage("double", map((n: number) => n * 2)); // prettier-ignore
    expectInStep(double, [1, 2], (n) => n, [2, 4]);
  });

  it("leaves the times of a stage that waits, and its unsubscription, as they are", () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const { stage } = standing();
      const source = cold("ab-----c|");
      const slow = concatMap((letter: string) => of(letter).pipe(delay(3)));
      expectObservable(source.pipe(slow)).toBe("---a--b---(c|)");
      expectObservable(source.pipe(stage("slow", slow))).toBe("---a--b---(c|)");
      expectObservable(source.pipe(stage("slow", slow)), "----!").toBe("---a");
      expectSubscriptions(source.subscriptions).toBe(["^-------!", "^-------!", "^---!"]);
    });
  });

  it("passes on what the operator throws, and ends the source", () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const { stage } = standing();
      const source = cold("-a-b|");
      const fails = map((letter: string) => {
        if (letter === "b") throw new Error("b");
        return letter;
      });
      expectObservable(source.pipe(stage("fails", fails))).toBe("-a-#", undefined, new Error("b"));
      expectSubscriptions(source.subscriptions).toBe("^--!");
    });
  });

  it("lets one value through the whole chain before the next: the pace is the last stage's", () => {
    const { stage } = standing();
    const order: string[] = [];
    const note = (name: string) => stage(name, tap((n: number) => order.push(`${name}${n}`))); // prettier-ignore
    from([1, 2]).pipe(note("a"), note("b")).subscribe();
    expect(order).toEqual(["a1", "b1", "a2", "b2"]);
  });

  it("measures its own time, without that of the stages behind it", () => {
    const { clock, stage, read } = standing();
    const work = (ms: number) => tap(() => (clock.time += ms));
    from([1, 2, 3, 4])
      .pipe(stage("fast", work(10)), stage("slow", work(40)), work(200))
      .subscribe();
    const found = read();
    expect(found).toEqual({
      "stage/fast/batches_per_second": 4,
      "stage/fast/queue": 0,
      "stage/fast/seconds": 0.01,
      "stage/slow/batches_per_second": 4,
      "stage/slow/queue": 0,
      "stage/slow/seconds": 0.04,
    });
  });

  it("begins the work on a batch that waited when the one before it was taken", () => {
    const { clock, stage, read } = standing();
    const source = new Subject<number>();
    const waiting: number[] = [];
    const given = new Subject<number>();
    const give = (ms: number) => {
      clock.time += ms;
      given.next(waiting.shift()!);
    };
    const queued = (input: Observable<number>) =>
      new Observable<number>((subscriber) => {
        subscriber.add(input.subscribe((value) => waiting.push(value)));
        subscriber.add(given.subscribe(subscriber));
      });
    source.pipe(stage("queued", queued)).subscribe(() => (clock.time += 200));
    for (const value of [1, 2]) source.next(value);
    give(10);
    give(30);
    expect(read()["stage/queued/seconds"]).toBeCloseTo(0.02, 12);
  });

  it("counts what waits in it, and does not take waiting for work", () => {
    const { clock, stage, read } = standing();
    const queues: unknown[] = [];
    testScheduler().run(({ cold, flush }) => {
      const one = concatMap((letter: string) => of(letter).pipe(delay(10)));
      const staged = cold("(abc)").pipe(stage("one", one));
      // The meter's clock follows the scheduler's frames at each output.
      let frame = 0;
      staged.subscribe(() => {
        queues.push(read()["stage/one/queue"]);
        clock.time = frame += 10;
      });
      flush();
    });
    expect(queues).toEqual([2, 1, 0]);
  });

  it("knows how many batches become one", () => {
    const { clock, stage, read } = standing();
    const source = from([1, 2, 3, 4, 5]).pipe(tap(() => (clock.time += 100)));
    source.pipe(stage("pair", bufferCount<number>(2), 2)).subscribe();
    // The last pair is not whole; it leaves at the end.
    expect(read()).toMatchObject({ "stage/pair/batches_per_second": 6, "stage/pair/queue": 0 });
  });

  it("starts anew for every subscription, and at every reading", async () => {
    const { clock, stage, read } = standing();
    const staged = scheduled([1, 2], asyncScheduler).pipe(stage("same", identity));
    await lastValueFrom(staged);
    clock.time = 1000;
    expect(read()["stage/same/batches_per_second"]).toBe(2);
    await lastValueFrom(staged);
    clock.time = 2000;
    expect(read()["stage/same/batches_per_second"]).toBe(2);
    clock.time = 3000;
    expect(read()).toEqual({ "stage/same/queue": 0 });
  });

  it("does not go below nothing in its queue behind an operator that gives more than it takes", () => {
    const { stage, read } = standing();
    from([1]).pipe(stage("many", concatMap((n) => [n, n, n]))).subscribe(); // prettier-ignore
    from([1, 2, 3]).pipe(stage("few", filter((n) => n > 2))).subscribe(); // prettier-ignore
    expect(read()).toMatchObject({ "stage/many/queue": 0, "stage/few/queue": 2 });
  });

  it("refuses names that would not be one part of a metric's name, and what is no number of batches", () => {
    const { stage } = standing();
    expect(() => stage("a/b", identity)).toThrow('stage: a name is one word without "/", got "a/b"');
    expect(() => stage("", identity)).toThrow(RangeError);
    expect(() => stage("a", identity, 0)).toThrow("stage: per must be a positive integer, got 0");
  });
});

describe("Meter", () => {
  it("averages what operators tell between readings", () => {
    const meter = new Meter(() => 0);
    meter.tell("data/rows", 2, "1");
    meter.tell("data/rows", 4, "1");
    meter.tell("data/bytes", 7, "By");
    expect(meter.read()).toEqual([
      { name: "data/rows", value: 3, unit: "1" },
      { name: "data/bytes", value: 7, unit: "By" },
    ]);
    expect(meter.read()).toEqual([]);
  });
});
