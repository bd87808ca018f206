import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { inceptionScore } from "../../src/quality/inception-score.ts";
import "../golden/allclose.ts";
import { normals } from "./matrices.ts";

const logits = (data: ArrayLike<number>, dims: number) => ({
  name: "logits",
  data: Float64Array.from(data),
  rows: data.length / dims,
  dims,
});

describe("inceptionScore", () => {
  it("is 1 where all images look alike", () => {
    expect(inceptionScore(logits([1, 2, 3, 1, 2, 3, 1, 2, 3], 3))).toBeAllclose(1, { rtol: 1e-14 });
  });

  it("is the number of classes where each image is surely of one class, and all classes are as frequent", () => {
    const sure = Array.from({ length: 36 }, (_, at) => (at % 6 === Math.floor(at / 6) ? 5000 : -5000));
    expect(inceptionScore(logits(sure, 6))).toBeAllclose(6, { rtol: 1e-12 });
  });

  it("is exp of the mean divergence from the marginal", () => {
    // p = (0.9, 0.1) and (0.3, 0.7), marginal (0.6, 0.4).
    const data = [0.9, 0.1, 0.3, 0.7].map(Math.log);
    const kl =
      0.9 * Math.log(0.9 / 0.6) + 0.1 * Math.log(0.1 / 0.4) + 0.3 * Math.log(0.3 / 0.6) + 0.7 * Math.log(0.7 / 0.4);
    expect(inceptionScore(logits(data, 2))).toBeAllclose(Math.exp(kl / 2), { rtol: 1e-13 });
  });

  it("does not change when a number is added to the logits of an image", () => {
    const data = normals(40, 1);
    const shifted = data.map((value, at) => value + 100 * Math.floor(at / 8));
    expect(inceptionScore(logits(shifted, 8))).toBeAllclose(inceptionScore(logits(data, 8)), { rtol: 1e-12 });
  });

  it("refuses no images, and logits that are not finite", () => {
    expect(() => inceptionScore(logits([], 3))).toThrow(UsageError);
    expect(() => inceptionScore(logits([0, NaN], 2))).toThrow(/row 0 has NaN at 1/);
  });
});
