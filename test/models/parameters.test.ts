import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { digest, flatten, initialParameters, layoutOf, unflatten, valuesOf } from "../../src/models/parameters.ts";
import { initialize, Scope, type ParameterSpec } from "../../src/models/scope.ts";
import { moments } from "../support/numbers.ts";
import { expectNoLeak, values } from "../support/tensors.ts";

const specs: ParameterSpec[] = [
  { name: "a", shape: [3], init: { kind: "ones" } },
  { name: "b", shape: [4, 4], init: { kind: "zeros" } },
  { name: "c", shape: [3, 3, 1, 2], init: { kind: "normal", std: 1 } },
];
const layout = layoutOf(specs);

describe("layoutOf", () => {
  it("starts every parameter at a multiple of 16", () => {
    expect(layout.slots.map(({ offset, size }) => [offset, size])).toEqual([
      [0, 3],
      [16, 16],
      [32, 18],
    ]);
    expect([layout.length, layout.count]).toEqual([64, 37]);
  });
});

describe("flatten and unflatten", () => {
  it("undo each other, with zeros between", async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const flat = initialParameters(layout, 1);
        const named = unflatten(layout, tf.tensor1d(flat));
        expect(Object.values(named).map((t) => t.shape)).toEqual([[3], [4, 4], [3, 3, 1, 2]]);
        expect(values(named.c!)).toEqual([...valuesOf(flat, layout.slots[2]!)]);
        expect(values(flatten(layout, Object.values(named)))).toEqual([...flat]);
      }),
    );
  });
});

describe("digest", () => {
  it("changes with every parameter and with no padding", () => {
    const flat = initialParameters(layout, 1);
    const own = digest(layout, flat);
    expect(own).toMatch(/^[0-9a-f]{64}$/);
    const with1 = (index: number) => digest(layout, flat.with(index, 1.5));
    expect(with1(3)).toBe(own);
    for (const index of [0, 2, 16, 49]) expect(with1(index)).not.toBe(own);
  });
});

describe("initialize", () => {
  it("is a function of seed and name", () => {
    const spec = { name: "Conv_0/kernel", shape: [100], init: { kind: "normal", std: 1 } } as const;
    expect(initialize(spec, 1)).toEqual(initialize(spec, 1));
    expect(initialize(spec, 2)).not.toEqual(initialize(spec, 1));
    expect(initialize({ ...spec, name: "Conv_1/kernel" }, 1)).not.toEqual(initialize(spec, 1));
  });

  it.each([
    [[3, 3, 16, 32], 1, 9 * 24],
    [[64, 128], 1, 96],
    [[64, 128], 0.1, 96],
  ])("draws U(-l, l) with l^2 = 3 scale / mean fan: shape %o, scale %d", (shape, scale, fan) => {
    const limit = Math.sqrt((3 * scale) / fan);
    const { mean, variance, min, max } = moments(
      initialize({ name: "k", shape, init: { kind: "fanAverage", scale } }, 1),
    );
    const n = shape.reduce((a, b) => a * b, 1);
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(scale / fan / n));
    expect(Math.abs(variance / (scale / fan) - 1)).toBeLessThan(4 * Math.sqrt(0.8 / n)); // Kurtosis 9/5.
    expect([-min, max].every((v) => v <= limit && v > 0.99 * limit)).toBe(true);
  });

  it("takes scale 0 for 1e-10, as the reference does", () => {
    const out = initialize({ name: "k", shape: [10, 10], init: { kind: "fanAverage", scale: 0 } }, 1);
    const largest = Math.max(...out.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(1e-5);
  });
});

describe("Scope", () => {
  it("numbers children of a class from 0 in each scope, and streams over all", () => {
    const root = Scope.root();
    const [a, b] = [root.child("Block"), root.child("Block")];
    for (const scope of [a, b]) scope.child("Conv").parameter("kernel", [1], { kind: "zeros" });
    root.child("Conv").parameter("kernel", [1], { kind: "zeros" });
    expect(root.specs().map(({ name }) => name)).toEqual([
      "Block_0/Conv_0/kernel",
      "Block_1/Conv_0/kernel",
      "Conv_0/kernel",
    ]);
    expect([a.stream(), b.stream(), root.stream()]).toEqual([0, 1, 2]);
  });
});
