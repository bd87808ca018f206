/** `npm run bench`: ScoreStream beside PyTorch and JAX, in one run; writes bench/results/latest.md and latest.json. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../src/cli/environment.ts";
import { processors } from "../src/base/processors.ts";
import { runProgram } from "../src/cli/program.ts";
import { codeVersion } from "../src/base/code-version.ts";
import { RunError } from "../src/base/errors.ts";
import type { BenchContext, SectionResult } from "./context.ts";
import { preparePeers, REQUIREMENTS } from "./environment.ts";
import { machine } from "./machine.ts";
import { parseOptions, type SectionName } from "./options.ts";
import { jsonReport, markdownReport } from "./report.ts";
import { data } from "./sections/data.ts";
import { exchange } from "./sections/exchange.ts";
import { growth } from "./sections/growth.ts";
import { likelihood, sampling } from "./sections/solvers.ts";
import { stages } from "./sections/stages.ts";
import { Unfinished } from "./unfinished.ts";
import { step } from "./sections/step.ts";

const RUN: Readonly<Record<SectionName, (context: BenchContext) => Promise<SectionResult>>> = {
  step,
  likelihood,
  sampling,
  stages,
  growth,
  data,
  exchange,
};

async function bench(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const cache = join(cacheFolder(process.env), "bench");
  // PyTorch and JAX are large: only where they are measured.
  const python = options.sections.some((name) => name !== "data") ? preparePeers(cache) : "";
  const scratch = mkdtempSync(join(tmpdir(), "scorestream-bench-"));
  const started = performance.now();
  const say = (text: string) =>
    console.error(`bench ${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s: ${text}`);
  const { quick, repeats, sections } = options;
  const about = machine(REQUIREMENTS);
  const key = { quick, repeats, sections, code: codeVersion(), processor: about["processor"], node: about["node"] };
  const unfinished = new Unfinished(join(cache, "unfinished.json"), key);
  const results: [SectionName, SectionResult][] = unfinished.read().map(([name, result]) => [name, result]);
  for (const [name] of results) say(`${name}: as the bench measured it that was cut`);
  const folder = join(dirname(fileURLToPath(import.meta.url)), "results");
  mkdirSync(folder, { recursive: true });
  let text = "";
  const write = () => {
    const seconds = (performance.now() - started) / 1000;
    text = markdownReport(results, options, seconds);
    writeFileSync(join(folder, "latest.md"), text);
    writeFileSync(join(folder, "latest.json"), jsonReport(results, options, seconds));
  };
  try {
    const context = { ...options, python, cache, scratch, cores: processors().count, say };
    for (const name of sections.filter((name) => !results.some(([done]) => done === name))) {
      results.push([name, await RUN[name](context)]);
      unfinished.write(results);
      write();
    }
    write();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  unfinished.remove();
  console.log(text);
  const differences = results.flatMap(([, result]) => result.differences ?? []);
  if (differences.length) throw new RunError(`the engines do not compute the same:\n${differences.join("\n")}`);
  return 0;
}

await runProgram(import.meta.url, bench);
