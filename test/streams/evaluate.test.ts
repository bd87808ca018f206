import { concat, from, lastValueFrom, NEVER, Observable, of, throwError, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import type { RunEvent } from "../../src/monitor/run-event.ts";
import { evaluate } from "../../src/streams/evaluate.ts";
import { infoAt } from "./fixture.ts";

const batch = (step: number, firstSample: number, ...values: number[]) =>
  createBatch({ bpd: { data: Float32Array.from(values), shape: [] } }, infoAt({ step, firstSample }));
const options = { name: "likelihood (ODE)", key: "bpd", step: 7 } as const;

describe("evaluate", () => {
  it("gives progress, then mean and standard error over images", async () => {
    const source = from([batch(0, 0, 1, 2), batch(1, 2, 3)]);
    const events = await lastValueFrom(source.pipe(evaluate({ ...options, total: 3 }), toArray()));
    expect(events).toEqual<RunEvent[]>([
      { type: "stage", name: "likelihood (ODE)", total: 3, unit: "images" },
      { type: "progress", done: 2 },
      { type: "progress", done: 3 },
      { type: "metric", name: "eval/bpd", step: 7, value: 2, unit: "bits/dim" },
      {
        type: "result",
        values: { bpd: 2, bpdStandardError: expect.closeTo(1 / Math.sqrt(3), 12) as number, evalImages: 3 },
      },
    ]);
  });

  it("averages the passes of an image first: they do not count as more images", async () => {
    const source = from([batch(0, 0, 1, 3), batch(1, 0, 3, 5)]);
    const events = await lastValueFrom(source.pipe(evaluate({ ...options, total: 4 }), toArray()));
    expect(events.at(-1)).toEqual({ type: "result", values: { bpd: 3, bpdStandardError: 1, evalImages: 2 } });
  });

  it("gives no result for a part of the images", async () => {
    const events = await lastValueFrom(of(batch(0, 0, 1)).pipe(evaluate({ ...options, total: 2 }), toArray()));
    expect(events.map(({ type }) => type)).toEqual(["stage", "progress"]);
  });

  it("passes errors on, and unsubscription to the source", async () => {
    const failing = concat(
      of(batch(0, 0, 1)),
      throwError(() => new Error("broken")),
    );
    await expect(lastValueFrom(failing.pipe(evaluate({ ...options, total: 2 })))).rejects.toThrow("broken");
    let open = true;
    const source = concat(of(batch(0, 0, 1)), NEVER);
    const inner = new Observable<ReturnType<typeof batch>>((subscriber) => {
      source.subscribe(subscriber);
      return () => void (open = false);
    });
    inner
      .pipe(evaluate({ ...options, total: 2 }))
      .subscribe()
      .unsubscribe();
    expect(open).toBe(false);
  });

  it("starts anew for every subscription", async () => {
    const evaluated = from([batch(0, 0, 1), batch(1, 1, 2)]).pipe(evaluate({ ...options, total: 2 }), toArray());
    expect(await lastValueFrom(evaluated)).toEqual(await lastValueFrom(evaluated));
  });
});
