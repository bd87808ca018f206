import { lastValueFrom, of } from "rxjs";
import { expect, it } from "vitest";
import { bytes, createBatch, floats } from "../../src/data/batch.ts";
import { bitsPerDimOf } from "../../src/likelihood/bits-per-dim.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { quantize } from "../../src/streams/quantize.ts";
import { maxAbs } from "./allclose.ts";
import { describeFamily, type GoldenCase } from "./golden.ts";

const INFO = { step: 0, shard: 0, shards: 1, firstSample: 0 };
const LEVELS = 256;
/** Of a number in [-1, 1], in float32: one rounding of the code / 255 and one of the result. */
const ROUNDING = { atol: 2 ** -22 };

const shapeOf = (golden: GoldenCase, name: string) => golden.shape(name).slice(1);
const imageBatch = (golden: GoldenCase) =>
  createBatch({ image: { data: golden.u8("raw_uint8"), shape: shapeOf(golden, "raw_uint8") } }, INFO);

async function dequantized(golden: GoldenCase, kind: "none" | "uniform", centered: boolean): Promise<Float32Array> {
  const batch = await lastValueFrom(of(imageBatch(golden)).pipe(dequantize(kind, { seed: 0, centered })));
  return floats(batch, "data").data;
}

async function quantized(golden: GoldenCase, name: string, centered: boolean): Promise<Uint8Array> {
  const data = createBatch({ data: { data: golden.f32(name), shape: shapeOf(golden, name) } }, INFO);
  const batch = await lastValueFrom(of(data).pipe(quantize({ centered })));
  return bytes(batch, "image").data;
}

describeFamily("transforms", (cases) => {
  for (const golden of cases) {
    it(`${golden.name}: images in [0, 1] and centred`, async () => {
      expect(await dequantized(golden, "none", false)).toBeAllclose(golden.f32("unit"), ROUNDING);
      const codes = Uint8Array.from({ length: LEVELS }, (_, code) => code);
      const batch = createBatch({ image: { data: codes, shape: [1] } }, INFO);
      const unit = await lastValueFrom(of(batch).pipe(dequantize("none", { seed: 0, centered: false })));
      expect(floats(unit, "data").data).toBeAllclose(golden.f32("all_unit"), ROUNDING);
      expect(codes).toBeAllclose(golden.f32("all_times255"), { atol: ROUNDING.atol * LEVELS });
    });

    it.each([true, false])(`${golden.name}: uniform dequantization, centred %s`, async (centered) => {
      // The draw is our own, so the golden one's share is exchanged: both are (code + u) / 256.
      const [image, u] = [golden.u8("raw_uint8"), golden.f32("u")];
      const ours = await dequantized(golden, "uniform", centered);
      const scaled = golden.f32(centered ? "scaled_centered" : "scaled_uncentered");
      const scale = centered ? 2 : 1;
      const own = ours.map((value, i) => ((value + scale - 1) / scale) * LEVELS - image[i]!);
      expect(Math.min(...own)).toBeGreaterThanOrEqual(-LEVELS * ROUNDING.atol);
      expect(maxAbs(own)).toBeLessThan(1 + LEVELS * ROUNDING.atol);
      const exchanged = ours.map((value, i) => value + ((u[i]! - own[i]!) * scale) / LEVELS);
      expect(exchanged).toBeAllclose(scaled, ROUNDING);
    });

    it(`${golden.name}: samples as bytes`, async () => {
      const centered = golden.f32("deq").map((value) => 2 * value - 1);
      expect(golden.f32("unscaled_centered")).toBeAllclose(golden.f32("deq"), ROUNDING);
      expect(centered).toBeAllclose(golden.f32("scaled_centered"), ROUNDING);
      expect(await quantized(golden, "scaled_uncentered", false)).toEqual(golden.u8("sample_uint8"));
      expect(await quantized(golden, "scaled_centered", true)).toEqual(golden.u8("sample_uint8"));
    });

    it(`${golden.name}: offset of bits/dim`, () => {
      for (const centered of [true, false]) {
        const offset = bitsPerDimOf(0, 1, { levels: LEVELS, centered });
        expect(offset).toBe(golden.number(centered ? "bpd_offset_centered" : "bpd_offset_uncentered"));
      }
    });
  }
});
