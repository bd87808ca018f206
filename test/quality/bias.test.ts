import { expect, it } from "vitest";
import { fillNormal, randomKey } from "../../src/base/random.ts";
import { frechetDistance } from "../../src/quality/frechet-distance.ts";
import { biasNote } from "../../src/quality/quality.ts";
import { featureStatistics } from "../../src/quality/statistics.ts";

const draw = (rows: number, dims: number, seed: number) => {
  const data = new Float32Array(rows * dims);
  fillNormal(randomKey(seed), data);
  return { name: "draw", data, rows, dims };
};

/** FID of `rows` samples of a Gaussian against the Gaussian itself, where 0 is right. */
async function bias(rows: number, dims: number): Promise<number> {
  const sigma = Float64Array.from({ length: dims * dims }, (_, i) => (i % (dims + 1) === 0 ? 1 : 0));
  const exact = { name: "exact", mu: new Float64Array(dims), sigma };
  const draws = Array.from({ length: 8 }, (_, seed) => featureStatistics(draw(rows, dims, 100 * rows + seed)));
  const found = await Promise.all(draws.map(async (statistics) => frechetDistance(exact, await statistics)));
  return found.reduce((a, b) => a + b, 0) / found.length;
}

it("of the FID falls as 1 / samples, as the note says", async () => {
  const [few, many] = [await bias(400, 16), await bias(1600, 16)];
  // (D + D (D + 1) / 4) / N to first order, for D features with a covariance of 1.
  expect(few * 400).toBeGreaterThan(0.9 * (16 + (16 * 17) / 4));
  expect(few * 400).toBeLessThan(1.1 * (16 + (16 * 17) / 4));
  expect(few / many).toBeGreaterThan(3.4);
  expect(few / many).toBeLessThan(4.6);
});

it("is told of features of Inception only, with the number of samples", () => {
  const note = (rows: number, dims: number) => biasNote({ name: "it", data: new Float32Array(0), rows, dims });
  expect(note(5000, 2048)).toEqual([
    expect.stringMatching(/^FID: with 5000 samples it comes out too large.*1 \/ samples/),
  ]);
  expect(note(5000, 64)).toEqual([]);
  // Then its rank is told.
  expect(note(2000, 2048)).toEqual([]);
});
