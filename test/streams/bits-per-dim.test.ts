import { lastValueFrom, of } from "rxjs";
import { describe, expect, expectTypeOf, it } from "vitest";
import { createBatch, floats, withoutColumns, type Batch } from "../../src/data/batch.ts";
import { bitsPerDim, densityBitsPerDim } from "../../src/streams/bits-per-dim.ts";
import { expectInStep } from "../support/marbles.ts";
import { infoAt } from "./fixture.ts";

const column = (...values: number[]) => ({ data: Float32Array.from(values), shape: [] });
const batch = createBatch(
  {
    data: { data: new Float32Array(8), shape: [2, 2, 1] },
    logp: column(-4 * Math.LN2, 0),
    logQ: column(0, 4 * Math.LN2),
  },
  infoAt(),
);
const bpd = (result: Batch<"bpd">) => [...floats(result, "bpd").data];

describe("bitsPerDim", () => {
  it("adds log2(levels) to the density's bits, one less when centred, and takes log q off", async () => {
    const plain = await lastValueFrom(of(batch).pipe(bitsPerDim({ levels: 256, centered: false })));
    expect(bpd(plain)).toEqual([9, 9]);
    const centered = await lastValueFrom(of(batch).pipe(bitsPerDim({ levels: 256, centered: true })));
    expect(bpd(centered)).toEqual([8, 8]);
  });

  it("takes only dequantized batches", () => {
    const raw = of(batch as Batch<"data" | "logp">);
    // @ts-expect-error no column logQ
    raw.pipe(bitsPerDim({ levels: 256, centered: true }));
    expectTypeOf(densityBitsPerDim()).toBeFunction();
  });

  it("is one value for one value", () => {
    expectInStep(() => bitsPerDim<"data" | "logp" | "logQ">({ levels: 256, centered: true }), [batch, batch], bpd, [[8, 8], [8, 8]]); // prettier-ignore
  });
});

describe("densityBitsPerDim", () => {
  it("has no offset", () => {
    const raw = withoutColumns(batch, "logQ");
    expectInStep(() => densityBitsPerDim<"data" | "logp">(), [raw, raw], bpd, [[1, -0], [1, -0]]); // prettier-ignore
  });

  it("refuses dequantized data by name", async () => {
    const refused = of(batch as Batch<"data" | "logp">).pipe(densityBitsPerDim());
    await expect(lastValueFrom(refused)).rejects.toThrow(
      /^densityBitsPerDim: .*"logQ"; of dequantized data, bitsPerDim/,
    );
  });
});
