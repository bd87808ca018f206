/** `npm run pipeline`: lists the pipelines or runs one. */
import { UsageError } from "../base/errors.ts";
import { processEnvironment, type Environment } from "./environment.ts";
import { describeFailure, type Failure } from "./failure.ts";
import { helpText, listPipelines, listText } from "./help.ts";
import { isBuilt } from "../base/built.ts";
import { COMMAND } from "./command.ts";
import { parseOptions } from "./options.ts";
import type { Summary } from "../run/pipeline.ts";
import { runProgram } from "./program.ts";
import { reporterFor } from "./reporter.ts";
import { pipelineName, pipelinesFolder } from "./registry.ts";
import { isStudy, type StudyPipeline } from "../run/study/study.ts";
import type { CellResult } from "../run/sweep/run-cells.ts";
import { summaryOf } from "../run/sweep/results.ts";
import { run, type NamedOptions } from "./run.ts";
import { writeSkeleton } from "./skeleton.ts";
import { summaryJson, summaryTable } from "./summary.ts";
import { runStudy } from "./study.ts";
import { sweep } from "./sweep.ts";

/** True in the built package, where a new pipeline belongs to the folder of its user. */

type Report = (values: Partial<Summary>) => void;

/** The result of a command; `json` is that of a command without a summary. */
interface Ended {
  readonly exitCode: number;
  readonly json?: string;
}

/** The cells of a grid for `--json`. */
const cellsJson = (results: readonly CellResult[]) =>
  results.map(({ cell, exitCode, runs }) => ({ ...cell, exitCode, summary: summaryOf({ runs }) }));

/** Runs a grid of runs. A sweep has a table in place of a summary. @returns The exit code, and what `--json` prints. */
async function runSweep(options: NamedOptions, environment: Environment): Promise<Ended> {
  const { exitCode, results, page } = await sweep(options, environment);
  environment.stderr.write(`\n${page ? `table: ${page}` : "no run has ended"}\n`);
  return { exitCode, json: JSON.stringify({ pipeline: options.name, sweep: cellsJson(results), report: page }) };
}

/** Runs the grid of a study, which has a page in place of a summary. */
async function performStudy({ study }: StudyPipeline, options: NamedOptions, environment: Environment): Promise<Ended> {
  const { exitCode, results, page, json } = await runStudy(study, options, environment);
  environment.stderr.write(`\n${page ? `page: ${page}` : "no cell has ended"}\n`);
  const whole = { pipeline: options.name, ...json, cells: cellsJson(results), report: page };
  return { exitCode, json: JSON.stringify(whole) };
}

/** Runs a study, a sweep or one run, as the pipeline and the options say. @throws UsageError for `--jobs` with one run. */
async function performNamed(
  options: NamedOptions,
  environment: Environment,
  report: Report,
  onLog: (log: (text: string) => void) => void,
): Promise<Ended> {
  const { registry, stderr, now, env } = environment;
  const pipeline = await registry.load(options.given ?? options.name);
  if (isStudy(pipeline)) return performStudy(pipeline, options, environment);
  if (options.sweep.length) return runSweep(options, environment);
  if (options.jobs !== undefined) {
    throw new UsageError("--jobs needs --sweep or a study", 'for example --sweep "seed=1..3" --jobs 2');
  }
  return { exitCode: await run(options, environment, reporterFor(stderr, now, env), report, onLog) };
}

/** Lists, helps or runs; undefined when there is no run to sum up. */
async function perform(
  argv: readonly string[],
  environment: Environment,
  report: Report,
  onLog: (log: (text: string) => void) => void,
  begun: number,
): Promise<Ended | undefined> {
  const { registry, stdout, stderr, env } = environment;
  if (argv[0] === "new") {
    const path = writeSkeleton(argv[1], isBuilt ? process.cwd() : pipelinesFolder);
    stderr.write(`${path} is written; ${COMMAND} ${isBuilt ? `./${path}` : argv[1]} runs it\n`);
    return undefined;
  }
  const options = parseOptions(argv, env);
  const { name } = options;
  if (options.help) {
    const pipeline = name === undefined ? undefined : await registry.load(name);
    stdout.write(helpText(options, pipeline, pipeline ? [] : await listPipelines(registry)));
    return undefined;
  }
  if (name !== undefined) {
    return performNamed({ ...options, name: pipelineName(name), given: name, begun }, environment, report, onLog);
  }
  const pipelines = await listPipelines(registry);
  stdout.write(options.json ? `${JSON.stringify({ pipelines })}\n` : listText(pipelines));
  stderr.write(`${COMMAND} <name> runs one; ${COMMAND} <name> -- --help explains it\n`);
  return undefined;
}

/**
 * Runs the program. It writes text for people to standard error, and the result for programs to the last line of
 * standard output.
 *
 * @param argv Arguments after the program's name, such as `["cifar10", "--json"]`.
 * @returns The exit code: 0 done; 1 failed while running; 2 bad usage, configuration or data; 129, 130 or 143 stopped by a
 * signal after saving.
 */
export async function pipelineMain(argv: readonly string[], overrides: Partial<Environment> = {}): Promise<number> {
  const environment = { ...processEnvironment(), ...overrides };
  const { stdout, stderr, env, now } = environment;
  const started = now();
  let summary: Partial<Summary> = {};
  const report: Report = (values) => void (summary = { ...summary, ...values });
  let ended: Ended | undefined;
  let failure: Failure | undefined;
  let log: (text: string) => void = () => {};
  try {
    ended = await perform(argv, environment, report, (write) => (log = write), started);
    if (ended === undefined) return 0;
  } catch (error) {
    failure = describeFailure(error, { workdir: summary.workdir, trace: env["SCORESTREAM_DEBUG"] === "1" });
    report({ error: failure.summary });
  }
  report({ seconds: Math.round((now() - started) / 100) / 10 });
  const json = ended?.json ?? summaryJson(summary);
  const table = ended?.json === undefined && (!failure || summary.checkpoint) ? [summaryTable(summary)] : [];
  stderr.write(table.length > 0 ? "\n" : "");
  for (const text of [...table, ...(failure ? [failure.text] : [])]) {
    stderr.write(`${text}\n`);
    log(text);
  }
  if (argv.includes("--json")) stdout.write(`${json}\n`);
  return ended?.exitCode ?? failure!.exitCode;
}

await runProgram(import.meta.url, pipelineMain);
