/** Ends the output with `N passed, N failed`, the line that programs read. */
import { writeSync } from "node:fs";
import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Counts tests. A file or a group that fails outside its tests counts as one failed test, and so does an error that
 * belongs to no test.
 */
export function count(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const counts = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    counts.failed += Number(module.errors().length > 0);
    for (const suite of module.children.allSuites()) counts.failed += Number(suite.errors().length > 0);
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that was never reached did not pass.
      counts[state === "pending" ? "failed" : state] += 1;
    }
  }
  return counts;
}

/** The lines: what was skipped, if anything, and then the counts. */
export function countLines({ passed, failed, skipped }: Counts): string {
  return `${skipped ? `${skipped} skipped\n` : ""}${passed} passed, ${failed} failed\n`;
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[], reason: TestRunEndReason): void {
    const counts = count(modules, unhandledErrors.length);
    // A run that is no success without a failed test, as one that found no tests, must not look like one.
    if (reason !== "passed" || modules.length === 0) counts.failed ||= 1;
    const lines = countLines(counts);
    // After everything other reporters print.
    process.once("exit", () => writeSync(1, lines));
  }
}
