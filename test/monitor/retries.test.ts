import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Retries } from "../../src/monitor/retries.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([
  ["is done", () => Promise.resolve()],
  ["fails", () => Promise.reject(new Error("no"))],
])("leaves no timer and stops nothing when the work %s in time", async (_, work) => {
  const retries = new Retries();
  const ended = await retries.end(60_000, work).catch((error: Error) => error.message);
  expect([ended === undefined || ended === "no", vi.getTimerCount(), retries.over.aborted]).toEqual([true, 0, false]);
});

it("stops what takes longer than it may", async () => {
  const retries = new Retries();
  const ended = retries.end(
    100,
    () => new Promise((resolve) => retries.over.addEventListener("abort", () => resolve())),
  );
  await vi.advanceTimersByTimeAsync(100);
  await ended;
  expect(retries.over.aborted).toBe(true);
});
