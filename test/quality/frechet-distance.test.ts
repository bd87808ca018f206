import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { frechetDistance } from "../../src/quality/frechet-distance.ts";
import { featureStatistics } from "../../src/quality/statistics.ts";
import "../golden/allclose.ts";
import { covariance, diagonal, features, normals, rowProducts, statistics, trace, transpose } from "./matrices.ts";

describe("featureStatistics", () => {
  // Beyond the edges of its chunks of 256 rows.
  it.each([
    [2, 1],
    [300, 7],
    [513, 70],
  ])("are mean and unbiased covariance of %i rows of %i", async (rows, dims) => {
    const given = features(rows, dims, 1);
    const { name, mu, sigma } = await featureStatistics(given);
    expect(name).toBe(given.name);
    const columns = transpose(Float64Array.from(given.data), dims);
    const mean = Array.from(
      { length: dims },
      (_, d) => columns.slice(d * rows, (d + 1) * rows).reduce((a, b) => a + b) / rows,
    );
    const centred = columns.map((value, at) => value - mean[Math.floor(at / rows)]!);
    expect(mu).toBeAllclose(mean, { atol: 1e-12 });
    expect(sigma).toBeAllclose(
      rowProducts(centred, centred, rows).map((value) => value / (rows - 1)),
      { atol: 1e-12 },
    );
    expect(transpose(sigma, dims)).toEqual(sigma);
  });

  it("keep their digits far from 0", async () => {
    const near = features(100, 3, 1);
    const far = { ...near, data: Float64Array.from(near.data, (value) => value + 1e6) };
    expect((await featureStatistics(far)).sigma).toBeAllclose((await featureStatistics(near)).sigma, { atol: 1e-8 });
  });

  it("refuse features that do not make them", async () => {
    const good = features(4, 3, 1, "the samples");
    await expect(featureStatistics({ ...good, rows: 1, data: good.data.slice(0, 3) })).rejects.toThrow(UsageError);
    await expect(featureStatistics({ ...good, rows: 5 })).rejects.toThrow(RangeError);
    const broken = { ...good, data: good.data.map((value, i) => (i === 7 ? NaN : value)) };
    await expect(featureStatistics(broken)).rejects.toThrow(/^the samples: row 2 has NaN at 1/);
    await expect(featureStatistics(good, () => Promise.reject(new Error("stop")))).rejects.toThrow("stop");
  });
});

describe("frechetDistance", () => {
  it.each([
    ["of full rank", 20],
    ["of low rank", 6],
  ])("is 0 between equal statistics %s", async (_, rank) => {
    const same = statistics(normals(20, 1), covariance(20, 2, rank));
    expect(await frechetDistance(same, same)).toBeAllclose(0, { atol: 1e-12 * trace(same.sigma, 20) });
  });

  it("is the sum of squared differences of means and deviations where the covariances are diagonal", async () => {
    const a = [1, 2, 0, 3, 1e-4];
    const b = [2, 0.5, 4, 0, 1e-5];
    const [m, n] = [normals(5, 1), normals(5, 2)];
    const exact = a.reduce((sum, s, i) => sum + (s - b[i]!) ** 2 + (m[i]! - n[i]!) ** 2, 0);
    const [one, other] = [statistics(m, diagonal(a.map((s) => s * s))), statistics(n, diagonal(b.map((s) => s * s)))];
    expect(await frechetDistance(one, other)).toBeAllclose(exact, { rtol: 1e-12 });
  });

  it("is |c - 1|^2 tr(S) between a covariance S and c^2 S, of whatever rank", async () => {
    for (const rank of [24, 5]) {
      const sigma = covariance(24, 3, rank);
      const scaled = statistics(
        new Float64Array(24),
        sigma.map((value) => 9 * value),
      );
      const distance = await frechetDistance(statistics(new Float64Array(24), sigma), scaled);
      expect(distance).toBeAllclose(4 * trace(sigma, 24), { rtol: 1e-12 });
    }
  });

  it("is that of the square roots' closed form in two dimensions", async () => {
    // tr (S1 S2)^(1/2) = sqrt(tr(S1 S2) + 2 sqrt(det(S1 S2))).
    const [s, t] = [Float64Array.of(2, 0.7, 0.7, 1), Float64Array.of(0.5, -0.3, -0.3, 3)];
    const det = ([a, b, , d]: Float64Array) => a! * d! - b! * b!;
    const root = Math.sqrt(trace(rowProducts(s, t, 2), 2) + 2 * Math.sqrt(det(s) * det(t)));
    const exact = 1 + 4 + trace(s, 2) + trace(t, 2) - 2 * root;
    expect(await frechetDistance(statistics([0, 1], s), statistics([1, -1], t))).toBeAllclose(exact, { rtol: 1e-14 });
  });

  it("is symmetric, for ranks that differ too", async () => {
    const one = statistics(normals(30, 1), covariance(30, 2));
    const other = statistics(normals(30, 3), covariance(30, 4, 9));
    const [there, back] = [await frechetDistance(one, other), await frechetDistance(other, one)];
    expect(there).toBeGreaterThan(0);
    expect(back).toBeAllclose(there, { rtol: 1e-12 });
  });

  it("does not change under a rotation of both", async () => {
    const angle = 0.7;
    const rotation = diagonal([1, 1, 1]);
    rotation.set([Math.cos(angle), -Math.sin(angle)], 0);
    rotation.set([Math.sin(angle), Math.cos(angle)], 3);
    const turned = (sigma: Float64Array) => rowProducts(rowProducts(rotation, sigma, 3), rotation, 3);
    const [s, t] = [covariance(3, 1), covariance(3, 2)];
    const zero = new Float64Array(3);
    const before = await frechetDistance(statistics(zero, s), statistics(zero, t));
    const after = await frechetDistance(statistics(zero, turned(s)), statistics(zero, turned(t)));
    expect(after).toBeAllclose(before, { rtol: 1e-11 });
  });

  it("is the difference of means alone between points", async () => {
    const points = [statistics([1, 2], new Float64Array(4)), statistics([4, 6], new Float64Array(4))] as const;
    expect(await frechetDistance(...points)).toBe(25);
  });

  it("refuses statistics of another size, or with numbers that are not finite", async () => {
    const two = statistics([0, 0], diagonal([1, 1]), "two.npz");
    const three = statistics([0, 0, 0], diagonal([1, 1, 1]), "three.npz");
    const run = frechetDistance(two, three);
    await expect(run).rejects.toThrow(UsageError);
    await expect(run).rejects.toThrow("two.npz has 2 features, three.npz has 3");
    await expect(frechetDistance(two, statistics([0, NaN], two.sigma, "bad.npz"))).rejects.toThrow(/^bad\.npz: mu/);
    await expect(frechetDistance(statistics([0, 0], diagonal([1, Infinity])), two)).rejects.toThrow(/not finite/);
    await expect(frechetDistance(two, statistics([0, 0], diagonal([1])))).rejects.toThrow(RangeError);
  });
});
