/** One run, from its options to its end. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../engine/load.ts";
import { UsageError } from "../base/errors.ts";
import { processors } from "../base/processors.ts";
import {
  changedSettings,
  requireSameConfig,
  storedSettings,
  writeStoredConfig,
  type StoredConfig,
} from "../run/config-file.ts";
import { configOfRun } from "../run/checkpoint-config.ts";
import { cacheFolder, peakMemoryMB, type Environment } from "./environment.ts";
import { logged } from "./logged.ts";
import { openMetrics } from "./metrics.ts";
import { logFile, logPath } from "../monitor/log-file.ts";
import { metricsPath } from "../run/workdir.ts";
import type { Options } from "./options.ts";
import { presets, type Pipeline, type Preset, type Summary } from "../run/pipeline.ts";
import { dispatchEvents, type Listeners } from "../run/dispatch-events.ts";
import { settledPrecision } from "../run/precision.ts";
import type { Reporter } from "../run/reporter.ts";
import { fieldsWith } from "../run/own-fields.ts";
import { rollbackWorkdir } from "../run/refused.ts";
import { resolveConfig, type Resolved } from "../run/resolve-config.ts";
import { listenForSignals } from "./signals.ts";
import { recordState, type StateRecord } from "../run/state-record.ts";
import { failureOf } from "./failure.ts";
import { RunBoard } from "../run/tensorboard.ts";
import { pinDevice } from "./visible-device.ts";
import { awaitSilence, failWithoutLock } from "../run/lock.ts";
import { openWorkdir } from "../run/workdir.ts";

/** `given` is the path that `name` was taken from, if it was one; `begun` when the program began, by its `now`. */
export type NamedOptions = Options & { readonly name: string; readonly given?: string; readonly begun?: number };

const isGpu = (engine: Engine) => engine.name === "tensorflow-gpu";

/** The preset in use, if the pipeline has any, and why. @throws UsageError when it has none of that name. */
export function choosePreset(
  pipeline: Pipeline,
  { mode, preset: asked, name }: NamedOptions,
  stored: StoredConfig | undefined,
  engine?: Engine,
): [Preset | undefined, string] {
  const there = presets.filter((name) => pipeline.presets?.[name]);
  const preset = there.find((one) => one === asked);
  if (asked && !preset) {
    throw new UsageError(
      `--preset ${asked}: ${name} has no such preset`,
      there.length ? `use ${there.join(", ")}` : "leave it out: the pipeline has no presets",
    );
  }
  if (preset && stored?.preset && mode !== "train" && stored.preset !== preset) {
    return [preset, `${preset}; the settings that this workdir was trained with (${stored.preset}) take precedence`];
  }
  if (preset) return [preset, preset];
  if (there.length === 0) return [undefined, "none, this pipeline has no presets"];
  if (stored?.preset && there.includes(stored.preset)) {
    return [stored.preset, `${stored.preset}, as stored in this workdir`];
  }
  const usual = engine && isGpu(engine) ? "paper" : "quick";
  if (!there.includes(usual)) return [there[0], `${there[0]}, the first of this pipeline`];
  if (usual === "paper") return ["paper", "paper, the default on a GPU (--preset quick takes minutes)"];
  return ["quick", "quick, the default without a GPU (--preset paper has the paper's settings)"];
}

/** Line that says how a GPU's algorithms are chosen. */
const deterministicText = (deterministic: boolean) =>
  deterministic
    ? "deterministic, the same numbers every time; engine.deterministic=false may be faster, which is not measured"
    : "not deterministic: the fastest algorithms, and numbers that differ from run to run";

/** Layers the settings; evaluating or sampling goes by what the workdir was trained with. */
export function configure(
  { imageSize, fields: own, defaults = {}, presets = {} }: Pipeline,
  options: NamedOptions,
  preset: Preset | undefined,
  stored: StoredConfig | undefined,
): Resolved {
  const trained = stored && options.mode !== "train" && stored.pipeline === options.name;
  const before = trained ? storedSettings(stored, fieldsWith(own)) : [];
  return resolveConfig({
    ...{ imageSize, own },
    settings: [defaults, (preset && presets[preset]) ?? {}, ...before],
    assignments: options.assignments,
  });
}

/**
 * Runs a pipeline to its end.
 *
 * @param onResult Told what becomes known for the summary, as it does.
 * @param onLog Told how to write to the log of the workdir, once that is this run's.
 * @returns The exit code: 0, or 130 / 143 after a signal.
 * @throws UsageError before anything has run; whatever the pipeline ends with.
 */
export async function run(
  options: NamedOptions,
  environment: Environment,
  screen: Reporter,
  onResult: (values: Partial<Summary>) => void,
  onLog: (log: (text: string) => void) => void = () => {},
): Promise<number> {
  const { name, mode } = options;
  const workdir = options.workdir ?? join("runs", name);
  const pipeline = await environment.registry.load(options.given ?? name);
  const file = environment.registry.fileOf?.(options.given ?? name);
  onResult({ pipeline: name, mode, workdir });
  // Settings are checked before anything is created or loaded.
  const before = await configOfRun(workdir);
  const [likely] = choosePreset(pipeline, options, before);
  const { threads, precision, deterministic } = configure(pipeline, options, likely, before).config.engine;

  const takeBack = rollbackWorkdir(workdir);
  await awaitSilence(workdir, (text) => screen.message(`note: ${text}`));
  const unlock = openWorkdir(workdir, (text) => screen.message(`note: ${text}`), failWithoutLock);
  const log = logFile(workdir, (text) => screen.message(text));
  onLog((text) => existsSync(logPath(workdir)) && log(text));
  const reporter = logged(screen, log);
  const stop = new AbortController();
  // Some waits (a download) end with this when they are told to stop.
  const isStop = (error: unknown) => stop.signal.aborted && error instanceof Error && error.name === "AbortError";
  let refused = false;
  let states: StateRecord | undefined;
  const signals = listenForSignals({
    source: environment.signals,
    now: environment.now,
    onStop(signal) {
      reporter.message(`${signal}: stopping: saving ... (again to quit at once)`);
      stop.abort();
    },
    onQuit(exitCode) {
      reporter.close();
      states?.endNow("stopped");
      unlock();
      environment.exit(exitCode);
    },
  });
  try {
    const stored = await configOfRun(workdir);
    if (options.exchange) pinDevice(environment.env);
    const engine = await environment.loadEngine({ threads, precision, deterministic });
    const [preset, why] = choosePreset(pipeline, options, stored, engine);
    const { config: asked, notes } = configure(pipeline, options, preset, stored);
    const trained = stored?.pipeline === name ? { precision: stored.engine?.precision } : undefined;
    const { lines, ...settled } = settledPrecision(asked, engine, trained);
    const config = { ...asked, engine: { ...asked.engine, ...settled } };
    const { dataDigest, dataChanges } = stored ?? {};
    const wanted: StoredConfig = { pipeline: name, ...(preset && { preset }), dataDigest, dataChanges, ...config };
    const { fields } = pipeline;
    if (stored) requireSameConfig(workdir, stored, wanted, mode, fieldsWith(fields));
    writeStoredConfig(workdir, mode === "train" || !stored ? wanted : stored);

    onResult({ ...(preset && { preset }), engine: engine.name, device: engine.device });
    reporter.message(`engine: ${engine.name} ${engine.version} on ${engine.device}`);
    if (isGpu(engine)) reporter.message(`engine: ${deterministicText(asked.engine.deterministic)}`);
    const { quota, count } = processors();
    if (quota !== undefined && engine.threads === count)
      reporter.message(`engine: threads are ${count}, by the CPU quota of ${quota}`);
    reporter.message(`preset: ${why}`);
    for (const line of lines) reporter.message(line);
    for (const note of notes) reporter.message(`note: ${note}`);
    for (const change of stored && mode !== "train"
      ? changedSettings(stored, wanted, fieldsWith(pipeline.fields))
      : []) {
      reporter.message(`note: changed: ${change}`);
    }
    const cacheDir = cacheFolder(environment.env);
    const { exchange, allow } = options;
    const context = {
      ...{ name, mode, preset, config, fields, file, workdir, cacheDir, engine, signal: stop.signal, exchange },
      ...{ before: stored, allow, given: options.given },
    };
    const record = { workdir, name, path: metricsPath(workdir) };
    const metrics = await openMetrics(options.metrics, record, (text) => reporter.message(text));
    const board = new RunBoard(context);
    const listeners: Listeners = {
      onResult(values) {
        onResult(values);
        board.result(values);
      },
      onHistogram: (reading) => board.histogram(reading),
      onEvent: (event) => states?.take(event),
    };
    try {
      states = recordState(record.path, context, options.begun);
      if (!stop.signal.aborted) await dispatchEvents(pipeline, context, reporter, listeners, board.before(metrics));
      await states.end(stop.signal.aborted ? "stopped" : "finished");
      if (!stop.signal.aborted) board.finished();
    } catch (error) {
      await (isStop(error) ? states?.end("stopped") : states?.end("failed", failureOf(error, workdir)));
      if (!isStop(error)) board.failed();
      throw error;
    } finally {
      await metrics.close();
      board.close();
    }
  } catch (error) {
    refused = error instanceof UsageError;
    if (!isStop(error)) throw error;
  } finally {
    reporter.close();
    signals.dispose();
    unlock();
    if (refused) takeBack();
    onResult({ peakMemoryMB: peakMemoryMB(), stoppedBy: signals.stopped?.signal });
  }
  return signals.stopped?.exitCode ?? 0;
}
