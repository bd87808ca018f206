/** Runs the golden tests and writes `docs/lab/fidelity.md`, the largest deviation per family: `npm run fidelity`. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../src/cli/program.ts";

interface Comparison {
  readonly test: string;
  readonly absolute: number;
  /** Null where the expected value is 0. */
  readonly relative: number | null;
  /** Share of the tolerance. */
  readonly used: number;
}

function compare(): Comparison[] {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-fidelity-"));
  const file = join(folder, "deviations.jsonl");
  try {
    const { status } = spawnSync(process.execPath, ["scripts/run.mjs", "vitest", "test/golden"], {
      stdio: "inherit",
      env: { ...process.env, SCORESTREAM_DEVIATIONS: file },
    });
    if (status !== 0) throw new Error("the golden tests failed: no table is written");
    const lines = readFileSync(file, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as Comparison);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(family: string, comparisons: readonly Comparison[]): string {
  const largest = (of: (c: Comparison) => number) => comparisons.reduce((a, b) => (of(b) > of(a) ? b : a));
  const absolute = largest((c) => c.absolute);
  const used = largest((c) => c.used);
  const name = (test: string) => test.split(" > ").slice(1).join(": ");
  return `| ${[family, comparisons.length, absolute.absolute.toExponential(1), used.used.toFixed(2), name(used.test)].join(" | ")} |`;
}

async function fidelity(): Promise<number> {
  const comparisons = compare();
  const families = new Map<string, Comparison[]>();
  for (const comparison of comparisons) {
    const family = comparison.test.split(" > ")[0]!.replace(/^golden /, "");
    families.set(family, [...(families.get(family) ?? []), comparison]);
  }
  const rows = [...families].sort(([a], [b]) => (a < b ? -1 : 1)).map(([family, all]) => row(family, all));
  const text = `# Fidelity

Written by \`npm run fidelity\` from a run of \`test/golden\` against the reference's vectors. Each family of the manifest is
compared with the reference's own numbers within the manifest's tolerances; a share of 1 would be all of the tolerance.

| family | comparisons | largest absolute deviation | largest share of the tolerance | where |
|---|---|---|---|---|
${rows.join("\n")}
`;
  mkdirSync("docs/lab", { recursive: true });
  writeFileSync("docs/lab/fidelity.md", text);
  console.log(text);
  return 0;
}

await runProgram(import.meta.url, fidelity);
