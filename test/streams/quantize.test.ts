import { lastValueFrom, of } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, createBatch } from "../../src/data/batch.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { quantize } from "../../src/streams/quantize.ts";
import { expectInStep } from "../support/marbles.ts";
import { dataBatch, infoAt } from "./fixture.ts";

const quantized = async (values: number[], centered: boolean) => {
  const data = { data: Float32Array.from(values), shape: [values.length, 1, 1] };
  return bytes(await lastValueFrom(of(createBatch({ data }, infoAt())).pipe(quantize({ centered }))), "image");
};

describe("quantize", () => {
  it("scales [0, 1] or [-1, 1] to bytes, truncates and clips", async () => {
    expect(await quantized([-0.5, 0, 0.5, 1, 1.7], false)).toEqual({
      data: Uint8Array.of(0, 0, 127, 255, 255),
      shape: [5, 1, 1],
    });
    expect((await quantized([-3, -1, 0, 0.5, 1, 3], true)).data).toEqual(Uint8Array.of(0, 0, 127, 191, 255, 255));
  });

  it.each([[true], [false]])("gives every byte back that was dequantized: centered %s", async (centered) => {
    const image = { data: Uint8Array.from({ length: 256 }, (_, i) => i), shape: [16, 16, 1] };
    const noisy = of(createBatch({ image }, infoAt())).pipe(
      dequantize("uniform", { seed: 1, centered }),
      quantize({ centered }),
    );
    // 255 (b + u) / 256 lies in (b - 1, b + 1): truncated it is b, or one less.
    const { data } = bytes(await lastValueFrom(noisy), "image");
    expect(data.every((byte, i) => byte === i || byte === i - 1)).toBe(true);
    expect(data.some((byte, i) => byte === i)).toBe(true);
  });

  it("emits in the turn of its input and passes completion, errors and unsubscription on", () => {
    const inputs = [dataBatch(2, [2, 2, 1]), dataBatch(3, [2, 2, 1])] as const;
    expectInStep(
      () => quantize<"data">({ centered: true }),
      inputs,
      (batch) => bytes(batch, "image").data.length,
      [8, 12],
    );
  });
});
