/** Runs StrykerJS over the mutants of one folder. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { LogLevel, MutantResult } from "@stryker-mutator/api/core";
import { Stryker } from "@stryker-mutator/core";
import { leftOut, nearTests } from "./folders.ts";
import { chosenLines } from "./lines.ts";

export interface FolderRun {
  readonly folder: string;
  /** Source files, relative to the project. */
  readonly files: readonly string[];
  /** Part of their lines, in (0, 1]. */
  readonly share: number;
  readonly seed: number;
  readonly concurrency: number;
  /** Seconds beyond one and a half times of what the tests take, after which a mutant counts as caught. */
  readonly limit: number;
  /** Whether mutants are tried that take effect when a module is loaded. */
  readonly static: boolean;
  /** Folder of the reports and of earlier results. */
  readonly reports: string;
}

/** Those that say something: not of code that the compiler refuses, nor of what was left out. */
const COUNTED: ReadonlySet<string> = new Set(["Killed", "Timeout", "Survived", "NoCoverage"]);

/**
 * @returns The mutants that were tried; empty when no line was chosen.
 * @throws When the near tests fail without a mutant, or cannot be run.
 */
export async function runFolder(run: FolderRun): Promise<MutantResult[]> {
  const { folder, files, share, seed, concurrency, limit, reports } = run;
  const mutate = files.flatMap((file) => chosenLines(file, share, seed));
  if (mutate.length === 0) return [];
  const tests = nearTests(folder).filter((glob) => glob.includes("*") || existsSync(glob));
  process.env["MUTANTS_TESTS"] = JSON.stringify(tests);
  process.env["MUTANTS_LEFT_OUT"] = JSON.stringify(["**/node_modules/**", ...leftOut()]);
  mkdirSync(reports, { recursive: true });
  const results = await new Stryker({
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "scripts/mutants/vitest.config.ts", related: true },
    mutate,
    concurrency,
    coverageAnalysis: "perTest",
    ignoreStatic: !run.static,
    // Texts of messages are left out; tests hold the messages that matter.
    mutator: { excludedMutations: ["StringLiteral"] },
    // The whole share is tried anew; a whole folder goes on from its last run.
    incremental: share >= 1,
    incrementalFile: join(reports, `${folder}.incremental.json`),
    reporters: ["json"],
    jsonReporter: { fileName: join(reports, `${folder}.json`) },
    ignorePatterns: ["/bench/results", "/deploy", "/docs", "/runs", "/data"],
    tempDirName: ".cache/mutants",
    timeoutMS: limit * 1000,
    dryRunTimeoutMinutes: 45,
    logLevel: "error" as LogLevel,
    allowConsoleColors: false,
    disableTypeChecks: true,
  }).runMutationTest();
  return results.filter(({ status }) => COUNTED.has(status));
}

export const isCaught = ({ status }: MutantResult): boolean => status === "Killed" || status === "Timeout";

/** Whether a mutant was caught by the clock alone, which on a busy machine may have another cause. */
export const isTimeout = ({ status, statusReason = "" }: MutantResult): boolean =>
  status === "Timeout" || (status === "Killed" && /timed out in \d+ ?ms/.test(statusReason));
