/** Describes the mutants that survived, and those that only a time limit caught. */
import { readFileSync } from "node:fs";
import type { MutantResult } from "@stryker-mutator/api/core";
import { isCaught, isTimeout } from "./run-folder.ts";

/** A fault: where it is, the line, and what stood in place of it. */
function fault(mutant: MutantResult, what: string, root: string): string {
  const { fileName, location, replacement = "", mutatorName } = mutant;
  const path = fileName.startsWith(root) ? fileName.slice(root.length + 1) : fileName;
  const { line, column } = location.start;
  const text = readFileSync(fileName, "utf8").split("\n")[line - 1]!.trim();
  const short = replacement.replace(/\s+/g, " ").slice(0, 100);
  return `${path}:${line}:${column} ${mutatorName}, ${what}\n  - ${text}\n  + ${short}`;
}

/** The survivors, one after another, and one line for the folder. */
export function folderReport(folder: string, mutants: readonly MutantResult[], root: string): string {
  const left = mutants.filter((mutant) => !isCaught(mutant));
  const caught = mutants.length - left.length;
  const share = mutants.length ? `, ${((100 * caught) / mutants.length).toFixed(1)} %` : "";
  const late = mutants.filter(isTimeout);
  return [
    ...late.map((mutant) => fault(mutant, "only by the time limit", root)),
    ...left.map((mutant) => fault(mutant, mutant.status === "NoCoverage" ? "no near test runs it" : "passed", root)),
    `${folder}: ${caught} of ${mutants.length} caught${share}, ${late.length} of them by a time limit`,
  ].join("\n");
}
