/** Describes the surviving mutants for a reader. */
import { readFileSync } from "node:fs";
import type { MutantResult } from "@stryker-mutator/api/core";
import { isCaught } from "./run-folder.ts";

/** A survivor: where it is, the line, and what stood in place of it. */
function survivor({ fileName, location, replacement = "", status, mutatorName }: MutantResult, root: string): string {
  const path = fileName.startsWith(root) ? fileName.slice(root.length + 1) : fileName;
  const { line, column } = location.start;
  const text = readFileSync(fileName, "utf8").split("\n")[line - 1]!.trim();
  const what = status === "NoCoverage" ? "no near test runs it" : "passed";
  const short = replacement.replace(/\s+/g, " ").slice(0, 100);
  return `${path}:${line}:${column} ${mutatorName}, ${what}\n  - ${text}\n  + ${short}`;
}

/** The survivors, one after another, and one line for the folder. */
export function folderReport(folder: string, mutants: readonly MutantResult[], root: string): string {
  const left = mutants.filter((mutant) => !isCaught(mutant));
  const caught = mutants.length - left.length;
  const share = mutants.length ? `, ${((100 * caught) / mutants.length).toFixed(1)} %` : "";
  return [
    ...left.map((mutant) => survivor(mutant, root)),
    `${folder}: ${caught} of ${mutants.length} caught${share}`,
  ].join("\n");
}
