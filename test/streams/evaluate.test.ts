import { concat, from, lastValueFrom, NEVER, Observable, of, throwError, toArray } from "rxjs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import type { RunEvent } from "../../src/metrics/run-event.ts";
import { ProgressFile } from "../../src/data/formats/progress-file.ts";
import { evaluate } from "../../src/streams/evaluate.ts";
import { measured, perImage, type Evaluated } from "../../src/metrics/evaluated.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { infoAt } from "./fixture.ts";

const batch = (step: number, firstSample: number, ...values: number[]) =>
  createBatch({ bpd: { data: Float32Array.from(values), shape: [] } }, infoAt({ step, firstSample }));
const options = { name: "likelihood (ODE)", key: "bpd", step: 7 } as const;

describe("evaluate", () => {
  it("gives progress, then mean and standard error over images", async () => {
    const source = from([batch(0, 0, 1, 2), batch(1, 2, 3)]);
    const events = await lastValueFrom(source.pipe(evaluate({ ...options, total: 3 }), toArray()));
    expect(events).toEqual<RunEvent[]>([
      { type: "stage", name: "likelihood (ODE)", total: 3, unit: "images", phase: "evaluating_likelihood" },
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

  it("gives the loss a name of its own in the summary, where loss is that of training", async () => {
    const losses = createBatch({ loss: { data: Float32Array.of(1, 3), shape: [] } }, infoAt());
    const evaluated = of(losses).pipe(evaluate({ name: "loss", key: "loss", step: 7, total: 2 }), toArray());
    expect((await lastValueFrom(evaluated)).slice(-2)).toEqual<RunEvent[]>([
      { type: "metric", name: "eval/loss", step: 7, value: 2, unit: "1" },
      { type: "result", values: { evalLoss: 2, evalLossStandardError: 1, evalImages: 2 } as object },
    ]);
  });

  it("keeps values and evaluations of each image, and goes on after them", async () => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    const column = (...values: number[]) => ({ data: Float32Array.from(values), shape: [] });
    const counted = createBatch({ bpd: column(1, 2), evaluations: column(20, 32) }, infoAt());
    const open = () => new ProgressFile<Evaluated>(path, "work");
    await lastValueFrom(of(counted).pipe(evaluate({ ...options, total: 3, progress: open() })));
    expect(open().entries).toEqual([{ first: 0, values: [1, 2], evaluations: [20, 32] }]);
    const events = await lastValueFrom(
      of(batch(1, 2, 3)).pipe(evaluate({ ...options, total: 3, progress: open() }), toArray()),
    );
    expect(events.slice(1, 3)).toEqual([
      { type: "message", text: "likelihood (ODE): going on after 2 images evaluated before" },
      { type: "progress", done: 2 },
    ]);
    expect(events.at(-1)).toMatchObject({ values: { bpd: 2, evalImages: 3 } });
  });

  it("does not lose what is not a number when it goes on", async () => {
    const path = join(temporaryFolder(), "bpd.jsonl");
    const open = () => new ProgressFile<Evaluated>(path, "work");
    await lastValueFrom(of(batch(0, 0, 1, NaN)).pipe(evaluate({ ...options, total: 3, progress: open() })));
    const whole = of(batch(1, 2, 3)).pipe(evaluate({ ...options, total: 3, progress: open() }), toArray());
    expect((await lastValueFrom(whole)).at(-1)).toEqual({ type: "result", values: { bpd: NaN, evalImages: 3 } });
  });

  it("has no standard error of one image", async () => {
    const one = await lastValueFrom(of(batch(0, 0, 4)).pipe(evaluate({ ...options, total: 1 })));
    expect(one).toEqual({ type: "result", values: { bpd: 4, evalImages: 1 } });
    expect(measured([{ first: 0, values: [4] }]).standardError).toBeNaN();
  });

  it.each([
    [{ split: "test", dequantization: "uniform" }, "eval/bpd"],
    [{ split: "train", dequantization: "uniform" }, "eval/bpd_train"],
    [{ split: "test", dequantization: "variational" }, "eval/bpd_variational"],
    [{ split: "train", dequantization: "variational", form: "ssm" }, "eval/bpd_train_variational"],
  ] as const)("tells %j apart, by the metric %s and in the summary", async (kind, name) => {
    const events = await lastValueFrom(of(batch(0, 0, 4)).pipe(evaluate({ ...options, ...kind, total: 1 }), toArray()));
    expect(events.at(-2)).toMatchObject({ type: "metric", name, value: 4 });
    const { split, dequantization } = kind;
    expect(events.at(-1)).toEqual({ type: "result", values: { bpd: 4, evalImages: 1, split, dequantization } });
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

describe("measured", () => {
  // Three images in two passes: image means 2, 4, 9, pass means 4, 6.
  const batches: Evaluated[] = [
    { first: 0, values: [1, 3], evaluations: [20, 26] },
    { first: 2, values: [8], evaluations: [50] },
    { first: 0, values: [3, 5], evaluations: [20, 26] },
    { first: 2, values: [10], evaluations: [44] },
  ];

  it("has the error over the images' means and the one over the passes' means", () => {
    expect(perImage(batches)).toEqual([2, 4, 9]);
    const { mean, standardError, repeatStandardError, images, repeats, evaluations } = measured(batches);
    expect([mean, images, repeats]).toEqual([5, 3, 2]);
    expect(standardError).toBeCloseTo(Math.sqrt((9 + 1 + 16) / 2 / 3), 12);
    expect(repeatStandardError).toBeCloseTo(1, 12);
    expect(evaluations).toEqual({ mean: 31, min: 20, max: 50 });
  });

  it("leaves out what there is not: an error over one pass, evaluations that were not counted", () => {
    expect(Object.keys(measured([{ first: 0, values: [1, 2] }])).sort()).toEqual([
      ...["images", "mean", "repeats", "standardError"],
    ]);
  });
});
