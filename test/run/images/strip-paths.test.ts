import { describe, expect, it } from "vitest";
import { stripPaths } from "../../../src/run/images/strip-paths.ts";

describe("portable", () => {
  it("keeps the last part of absolute paths, and all else as it is", () => {
    const config = { checkpoint: "/home/me/best.arrow", data: { path: "data/cats" }, chMult: [1, 2], seed: 42 };
    expect(stripPaths(config)).toEqual({ ...config, checkpoint: "best.arrow" });
    expect(stripPaths("/statistics/cifar10.npz")).toBe("cifar10.npz");
    expect(stripPaths("cifar10 (train)")).toBe("cifar10 (train)");
  });
});
