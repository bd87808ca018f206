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
    for (let parcel = 1; parcel <= 4; parcel++) {
      receipts.add();
      expect(written).toEqual(parcel === 1 ? [] : parcel < 4 ? [2] : [2, 2]);
    }
    vi.advanceTimersByTime(1000);
    expect(written).toEqual([2, 2]);
  });

  it("do not wait long for the second", () => {
    const { written, receipts } = started();
    receipts.add();
    vi.advanceTimersByTime(19);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(written).toEqual([1]);
    receipts.add();
    receipts.add();
    expect(written).toEqual([1, 2]);
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
});
