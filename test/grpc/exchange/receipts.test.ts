import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Receipts } from "../../../src/grpc/exchange/receipts.ts";

describe("receipts", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function started() {
    const written: number[] = [];
    return { written, receipts: new Receipts(({ parcels }) => written.push(parcels)) };
  }

  it("tell of both parcels of a step at once", () => {
    const { written, receipts } = started();
    for (let step = 1; step <= 3; step++) {
      receipts.add();
      vi.advanceTimersByTime(1);
      expect(written).toHaveLength(step - 1);
      receipts.add();
      expect(written).toHaveLength(step - 1);
      vi.advanceTimersToNextTimer();
      expect(written).toHaveLength(step);
    }
    vi.advanceTimersByTime(1000);
    expect(written).toEqual([2, 2, 2]);
  });

  it("do not wait long for the second", () => {
    const { written, receipts } = started();
    receipts.add();
    vi.advanceTimersByTime(19);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(written).toEqual([1]);
    for (let i = 0; i < 3; i++) receipts.add();
    vi.advanceTimersByTime(1);
    expect(written).toEqual([1, 3]);
  });

  it("tell at the end of what was left, and nothing where nobody wants them", () => {
    const { written, receipts } = started();
    receipts.flush();
    receipts.add();
    receipts.flush();
    expect(written).toEqual([1]);
    receipts.add();
    receipts.drop();
    vi.advanceTimersByTime(1000);
    expect(written).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("wait anew for what comes after those that nobody wanted", () => {
    const { written, receipts } = started();
    receipts.add();
    receipts.add();
    receipts.drop();
    receipts.add();
    vi.advanceTimersByTime(19);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(written).toEqual([1]);
  });
});
