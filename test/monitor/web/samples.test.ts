/** Which grids belong together, and what the distances to the training come to. */
import { describe, expect, it } from "vitest";
import type { NearestImages } from "../../../src/metrics/nearest-images.ts";
import { gridAt, gridSteps } from "../../../src/monitor/web/page/across.ts";
import { byDistance, nearestText } from "../../../src/monitor/web/page/nearest-text.ts";
import type { GridKind } from "../../../src/monitor/web/run-files.ts";
import { TIME } from "../fixture.ts";

const grid = (step: number | undefined, kind: GridKind = "samples") => ({ name: `${kind}_${step}.png`, step, kind, bytes: 1, modified: TIME }); // prettier-ignore

describe("grids of several runs", () => {
  const one = [grid(undefined), grid(9), grid(100), grid(100, "raw")];

  it("have the steps that any of them has, in order of their size", () => {
    expect(gridSteps([one, [grid(20), grid(100)], []])).toEqual([9, 20, 100]);
  });

  it("are those of a kind at a step, or the newest", () => {
    expect(gridAt(one, "samples", 9)?.name).toBe("samples_9.png");
    expect(gridAt(one, "raw", 9)).toBeUndefined();
    expect(gridAt(one, "raw", undefined)?.name).toBe("raw_100.png");
    expect(gridAt(one, "samples", undefined)?.name).toBe("samples_100.png");
  });
});

describe("distances to the training", () => {
  const of = (distances: readonly number[], over: Partial<NearestImages> = {}): NearestImages => ({
    ...{ step: 1000, searched: 50_000, of: 50_000, mirrored: false, shape: [8, 8, 3], test: [10, 20, 12] },
    ...{ samples: distances.map((distance, image) => ({ image, distance })), ...over },
  });

  it("go from the smallest, equal ones as they come", () => {
    expect(byDistance(of([5, 3, 9, 3]))).toEqual([1, 3, 0, 2]);
  });

  it("are told with those of test images, and how many are nearer than these", () => {
    expect(nearestText(of([11, 30]))).toBe(
      "Step 1,000: root mean square of the difference in grey levels (of 255) to the nearest of 50,000 training images. Samples: 11 to 30, median 30. 3 test images: 10 to 20, median 12. No sample is nearer than every test image.", // prettier-ignore
    );
    expect(nearestText(of([0, 10, 30]))).toContain("1 of 3 samples is nearer than every test image");
    expect(nearestText(of([0, 9.99, 30]))).toContain("2 of 3 samples are nearer");
    expect(nearestText(of([1], { searched: 5, mirrored: true }))).toContain("nearest of 5 of 50,000 training images, mirrored or not."); // prettier-ignore
  });
});
