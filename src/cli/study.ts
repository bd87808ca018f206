/** A study: its grid of trainings, each a run in a workdir of its own, and the page of what they come to. */
import { join } from "node:path";
import { codeVersion } from "../base/code-version.ts";
import { UsageError } from "../base/errors.ts";
import { lossModels } from "../run/study/loss-models.ts";
import { cellArgv, cellAssignments, cellRuns, gridOf, studyCells, type CellPlan } from "../run/study/grid.ts";
import { costText, type PlannedRun } from "../run/study/cost.ts";
import type { Pipeline } from "../run/pipeline.ts";
import { studyResults } from "../run/study/results.ts";
import type { Study, StudyPreset, StudyPresetName } from "../run/study/study.ts";
import { writeStudy } from "../run/study/write-study.ts";
import type { Cell } from "../run/sweep/axes.ts";
import type { CellResult } from "../run/sweep/run-cells.ts";
import { requireStepsAhead } from "../run/sweep/steps-there.ts";
import { cacheFolder, type Environment } from "./environment.ts";
import { requireShareable } from "./options.ts";
import { ownProgram, runGrid, type GridEnd } from "./run-grid.ts";
import { configure, type NamedOptions } from "./run.ts";

/** Preset where none is named. */
const USUAL: StudyPresetName = "quick";

/** @throws UsageError when the study has none of that name. */
function choose({ presets }: Study, { preset = USUAL, name }: NamedOptions): [StudyPresetName, StudyPreset] {
  const found = presets[preset];
  if (found) return [preset, found];
  throw new UsageError(`--preset ${preset}: ${name} has no such preset`, `use ${Object.keys(presets).join(", ")}`);
}

/** Refuses options that belong to one run. */
function requireStudyOptions({ mode, name, metrics, exchange, assignments }: NamedOptions): void {
  requireShareable(name, { metrics, exchange });
  if (mode !== "train") throw new UsageError(`--mode ${mode}: ${name} has no modes`, "leave --mode out");
  if (assignments.some((given) => given.name === "seed")) {
    throw new UsageError(`--seed: the seed is an axis of ${name}`, "give --sweep seed=1..3");
  }
}

/** The runs of a cell with their configurations. @throws UsageError when a setting is not allowed. */
function plannedRuns(plan: CellPlan, cell: Cell, pipeline: Pipeline, options: NamedOptions): PlannedRun[] {
  const { study, preset, given } = plan;
  const { looks, evaluations } = cellRuns(plan);
  const common = cellAssignments(study, preset, cell);
  const run = (mode: PlannedRun["mode"], more: Readonly<Record<string, unknown>> = {}, from = 0): PlannedRun => {
    const own = Object.entries(more).map(([name, value]) => ({ name, text: String(value) }));
    const assignments = [...common, ...given, ...own];
    const named = { ...options, name: study.pipeline, mode, assignments };
    return { mode, from, config: configure(pipeline, named, preset.preset, undefined).config };
  };
  const trained = looks.map((steps, i) =>
    run(
      "train",
      { ...(i < looks.length - 1 && preset.lookSettings), "training.steps": steps },
      i > 0 ? looks[i - 1] : 0,
    ),
  );
  const evaluated = [...evaluations.keys()].flatMap((name) =>
    study.evaluated.values[name]!.runs.map(({ mode, settings }) => run(mode, settings)),
  );
  return [...trained, ...evaluated];
}

/** Steps of a whole training. */
function stepsOf(pipeline: Pipeline, { preset }: { preset: StudyPreset }, options: NamedOptions): number {
  const own = Object.entries(preset.settings).map(([name, value]) => ({ name, text: String(value) }));
  const assignments = [...own, ...options.assignments];
  return configure(pipeline, { ...options, assignments }, preset.preset, undefined).config.training.steps;
}

/**
 * Runs the grid of a study and writes its page after each cell.
 *
 * @throws UsageError before anything has run, where an axis, a value or a setting is not allowed.
 */
export async function runStudy(
  study: Study,
  options: NamedOptions,
  environment: Environment,
  program: readonly string[] = ownProgram(),
): Promise<GridEnd & { readonly page: string; readonly json: Readonly<Record<string, unknown>> }> {
  const { name, jobs = 1, assignments: given } = options;
  const { stderr, registry, env } = environment;
  const say = (text: string) => void stderr.write(`${text}\n`);
  requireStudyOptions(options);
  const [presetName, preset] = choose(study, options);
  const folder = options.workdir ?? join("runs", `${name}-${presetName}`);
  const pipeline = await registry.load(study.pipeline);
  const grid = gridOf(study, preset, options.sweep);
  const plan: CellPlan = { study, preset, grid, given, steps: stepsOf(pipeline, { preset }, options) };
  const cells = studyCells(study, grid);
  const planned = cells.map((cell) => plannedRuns(plan, cell, pipeline, options));
  const steps = cellRuns(plan).looks;
  requireStepsAhead(
    folder,
    cells.map((cell) => ({ cell, argv: cellArgv(plan, cell), steps })),
  );

  say(`preset: ${presetName}, ${preset.reaches}${options.preset ? "" : " (the default; --preset tiny takes minutes)"}`);
  if (presetName === "paper") for (const line of costText(planned)) say(line);
  const where = { folder, preset: presetName, name };
  let page = "";
  let losses: Awaited<ReturnType<typeof lossModels>> = [];
  const write = async (results: readonly CellResult[]) => {
    page = await writeStudy(studyResults(plan, results, losses), where);
  };
  const drawLosses = async (results: readonly CellResult[], signal: AbortSignal) => {
    const cacheDir = cacheFolder(env);
    losses = await lossModels(plan, results, { folder, cacheDir, signal, config: planned[0]!.at(-1)!.config, say });
    await write(results);
  };
  const end = await runGrid(
    cells,
    {
      ...{ folder, jobs, program, code: codeVersion(registry.fileOf?.(study.pipeline)) },
      argvOf: (cell) => cellArgv(plan, cell),
      onResults: write,
      last: drawLosses,
    },
    environment,
  );
  const { claims } = studyResults(plan, end.results, losses);
  for (const { claim, verdict } of claims) say(`${verdict}: ${claim.says}`);
  const verdicts = claims.map(({ claim, verdict, difference }) => ({ claim: claim.says, verdict, ...difference }));
  return { ...end, page, json: { preset: presetName, claims: verdicts } };
}
