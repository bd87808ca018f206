import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { nearTimes, percentile } from "../../scripts/test-times.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const result = (path: string, seconds: number) => ({
  ...{ name: join(root, path), startTime: 1000, endTime: 1000 + 1000 * seconds },
});

test("takes the files that mirror a folder of src, slowest first, and leaves out those that run whole programs", () => {
  const testResults = [
    result("test/sde/vp.test.ts", 0.5),
    result("test/pipelines/gaussian.test.ts", 90),
    result("test/run/images/sample.test.ts", 20),
    result("test/golden/sde.test.ts", 30),
  ];
  expect(nearTimes({ testResults })).toEqual([
    { path: "test/golden/sde.test.ts", seconds: 30 },
    { path: "test/run/images/sample.test.ts", seconds: 20 },
    { path: "test/sde/vp.test.ts", seconds: 0.5 },
  ]);
});

test("gives the time that a share of the files does not exceed", () => {
  const times = Array.from({ length: 20 }, (_, i) => ({ path: "", seconds: 20 - i }));
  expect([0.5, 0.9, 0.91, 1, 0].map((share) => percentile(times, share))).toEqual([10, 18, 19, 20, 1]);
  expect(percentile(times.slice(0, 1), 0.9)).toBe(20);
});
