/**
 * `npm run test:times -- FILE`: how long the near tests of a file of `src` take, from the output of vitest's reporter
 * "json". Near tests lie in a folder of `test` that mirrors one of `src`, or hold its numbers against the reference
 * vectors; the others run whole programs. The time in which a file of tests is loaded does not count.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../src/base/errors.ts";
import { runProgram } from "../src/cli/program.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Seconds that the near tests may take at the 90th percentile. */
export const LIMIT = 10;

/** The part of vitest's output that is read; times in ms. */
export interface TestResults {
  readonly testResults: readonly { readonly name: string; readonly startTime: number; readonly endTime: number }[];
}

export interface FileTime {
  /** Relative to the project. */
  readonly path: string;
  readonly seconds: number;
}

const isNear = (folder: string, project: string) => folder === "golden" || existsSync(join(project, "src", folder));

/** Files of near tests, slowest first. */
export function nearTimes({ testResults }: TestResults, project = root): FileTime[] {
  return testResults
    .map(({ name, startTime, endTime }) => ({ path: relative(project, name), seconds: (endTime - startTime) / 1000 }))
    .filter(({ path }) => isNear(path.split("/")[1]!, project))
    .sort((a, b) => b.seconds - a.seconds);
}

/** The smallest time that `share` of the files do not exceed. @param times Slowest first, one or more. */
export const percentile = (times: readonly FileTime[], share: number): number =>
  times[times.length - Math.max(1, Math.ceil(share * times.length))]!.seconds;

/** @returns The exit code: 1 above the limit. */
function testTimes([path]: readonly string[]): number {
  if (path === undefined) {
    throw new UsageError(
      "no file is named",
      "npm test -- --reporter=json --outputFile=FILE, then npm run test:times -- FILE",
    );
  }
  const times = nearTimes(JSON.parse(readFileSync(path, "utf8")) as TestResults);
  if (times.length === 0) throw new UsageError(`${path}: no near tests`, "run the whole suite");
  for (const { path, seconds } of times.slice(0, 20)) console.log(`${seconds.toFixed(1).padStart(6)} s  ${path}`);
  const [median, late] = [percentile(times, 0.5), percentile(times, 0.9)].map((seconds) => seconds.toFixed(1));
  console.log(`${times.length} files: median ${median} s, 90th percentile ${late} s, limit ${LIMIT} s`);
  return percentile(times, 0.9) > LIMIT ? 1 : 0;
}

await runProgram(import.meta.url, async (argv) => testTimes(argv));
