import { concat, lastValueFrom, map, of, tap, throwError, toArray } from "rxjs";
import { expect, it } from "vitest";
import { Meter } from "../../src/metrics/meter.ts";
import type { RunEvent } from "../../src/metrics/run-event.ts";
import { stagesOf, unnamed } from "../../src/streams/stage.ts";
import { tellStages } from "../../src/streams/tell-stages.ts";

it("tells what the stages measured at the first progress, then no more often than it may", async () => {
  let time = 0;
  const now = () => time;
  const meter = new Meter(now);
  const stage = stagesOf(meter);
  const work = stage(
    "bound",
    map((done: number): RunEvent => ((time += 1000), { type: "progress", done })),
  );
  const events = await lastValueFrom(
    of(1, 2, 3, 4).pipe(work, tellStages(meter, { name: "eval_stage/bound", step: 7, every: 2000, now }), toArray()),
  );
  const told = events.flatMap((event) => (event.type === "metric" ? [[event.name, event.step, event.value]] : []));
  expect(told.filter(([name]) => String(name).endsWith("seconds"))).toEqual([
    ["eval_stage/bound/bound/seconds", 7, 1],
    ["eval_stage/bound/bound/seconds", 7, 1],
  ]);
  expect(told[0]![0]).toBe("eval_stage/bound/bound/batches_per_second");
  expect(events.flatMap((event) => (event.type === "progress" ? [event.done] : []))).toEqual([1, 2, 3, 4]);
  // After the first, and 2 s later.
  expect(events.map(({ type }) => type).join(" ")).toBe("progress metric metric metric progress progress metric metric metric progress"); // prettier-ignore
});

it("passes other events and errors on, and says nothing for them", async () => {
  const message: RunEvent = { type: "message", text: "a" };
  const seen: RunEvent[] = [];
  const failing = concat(of(message), throwError(() => new Error("boom"))).pipe(tellStages(new Meter(), { name: "x", step: 1 }), tap((event) => seen.push(event))); // prettier-ignore
  await expect(lastValueFrom(failing)).rejects.toThrow("boom");
  expect(seen).toEqual([message]);
});

it("leaves operators as they are where nobody measures", () => {
  const operator = map((value: number) => value);
  expect(unnamed("a", operator)).toBe(operator);
});
