/** One run, from its options to its end. */
import { join } from "node:path";
import type { Engine } from "../engine/load.ts";
import { UsageError } from "../base/errors.ts";
import { processors } from "../base/processors.ts";
import {
  readStoredConfig,
  requireSameConfig,
  storedSettings,
  writeStoredConfig,
  type StoredConfig,
} from "../run/config-file.ts";
import { cacheFolder, peakMemoryMB, type Environment } from "./environment.ts";
import { logged } from "./logged.ts";
import { openMetrics } from "./metrics.ts";
import { metricsPath } from "../run/workdir.ts";
import type { Options } from "./options.ts";
import { presets, type Pipeline, type Preset, type Summary } from "../run/pipeline.ts";
import { dispatchEvents, type Listeners } from "../run/dispatch-events.ts";
import type { Reporter } from "../run/reporter.ts";
import { rollbackWorkdir } from "../run/refused.ts";
import { resolveConfig, type Resolved } from "../run/resolve-config.ts";
import { listenForSignals } from "./signals.ts";
import { RunBoard } from "../run/tensorboard.ts";
import { pinDevice } from "./visible-device.ts";
import { awaitSilence, failWithoutLock } from "../run/lock.ts";
import { openWorkdir } from "../run/workdir.ts";

/** `given` is the path that `name` was taken from, if it was one. */
export type NamedOptions = Options & { readonly name: string; readonly given?: string };

const isGpu = (engine: Engine) => engine.name === "tensorflow-gpu";

/** The preset in use and why. */
function choosePreset({ preset }: Options, stored: StoredConfig | undefined, engine?: Engine): [Preset, string] {
  if (preset) return [preset, preset];
  if (stored && presets.includes(stored.preset)) return [stored.preset, `${stored.preset}, as this workdir has it`];
  if (engine && isGpu(engine)) return ["paper", "paper, the default on a GPU (--preset quick takes minutes)"];
  return ["quick", "quick, the default without a GPU (--preset paper has the paper's settings)"];
}

/** Layers the settings; evaluating or sampling goes by what the workdir was trained with. */
function configure(pipeline: Pipeline, options: Options, preset: Preset, stored: StoredConfig | undefined): Resolved {
  const trained = stored && options.mode !== "train" && !options.preset && stored.pipeline === options.name;
  return resolveConfig({
    imageSize: pipeline.imageSize,
    settings: [pipeline.defaults, pipeline.presets[preset], ...(trained ? storedSettings(stored) : [])],
    assignments: options.assignments,
  });
}

/**
 * Runs a pipeline to its end.
 *
 * @param onResult Told what becomes known for the summary, as it does.
 * @returns The exit code: 0, or 130 / 143 after a signal.
 * @throws UsageError before anything has run; whatever the pipeline ends with.
 */
export async function run(
  options: NamedOptions,
  environment: Environment,
  screen: Reporter,
  onResult: (values: Partial<Summary>) => void,
): Promise<number> {
  const { name, mode } = options;
  const workdir = options.workdir ?? join("runs", name);
  const pipeline = await environment.registry.load(options.given ?? name);
  const file = environment.registry.fileOf?.(options.given ?? name);
  onResult({ pipeline: name, mode, workdir });
  // Settings are checked before anything is created or loaded.
  const before = readStoredConfig(workdir);
  const [likely] = choosePreset(options, before);
  const { threads } = configure(pipeline, options, likely, before).config.engine;

  const takeBack = rollbackWorkdir(workdir);
  await awaitSilence(workdir, (text) => screen.message(`note: ${text}`));
  const unlock = openWorkdir(workdir, (text) => screen.message(`note: ${text}`), failWithoutLock);
  const reporter = logged(screen, workdir);
  const stop = new AbortController();
  let refused = false;
  const signals = listenForSignals({
    source: environment.signals,
    now: environment.now,
    onStop(signal) {
      reporter.message(`${signal}: stopping: saving ... (again to quit at once)`);
      stop.abort();
    },
    onQuit(exitCode) {
      reporter.close();
      unlock();
      environment.exit(exitCode);
    },
  });
  try {
    const stored = readStoredConfig(workdir);
    if (options.exchange) pinDevice(environment.env);
    const engine = await environment.loadEngine({ threads });
    const [preset, why] = choosePreset(options, stored, engine);
    const { config, notes } = configure(pipeline, options, preset, stored);
    const { dataDigest, dataChanges } = stored ?? {};
    const wanted: StoredConfig = { pipeline: name, preset, dataDigest, dataChanges, ...config };
    if (stored) requireSameConfig(workdir, stored, wanted, mode);
    if (!stored || mode === "train") writeStoredConfig(workdir, wanted);

    onResult({ preset, engine: engine.name, device: engine.device });
    reporter.message(`engine: ${engine.name} ${engine.version} on ${engine.device}`);
    const { quota, count } = processors();
    if (quota !== undefined && engine.threads === count)
      reporter.message(`engine: threads are ${count}, by the CPU quota of ${quota}`);
    reporter.message(`preset: ${why}`);
    for (const note of notes) reporter.message(`note: ${note}`);
    const cacheDir = cacheFolder(environment.env);
    const { exchange, allow } = options;
    const context = {
      ...{ name, mode, preset, config, file, workdir, cacheDir, engine, stop: stop.signal, exchange },
      ...{ before: stored, allow },
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
    };
    try {
      if (!stop.signal.aborted) await dispatchEvents(pipeline, context, reporter, listeners, board.before(metrics));
    } finally {
      await metrics.close();
      board.close();
    }
  } catch (error) {
    refused = error instanceof UsageError;
    // Some waits (a download) end with this when they are told to stop.
    if (!(stop.signal.aborted && error instanceof Error && error.name === "AbortError")) throw error;
  } finally {
    reporter.close();
    signals.dispose();
    unlock();
    if (refused) takeBack();
    onResult({ peakMemoryMB: peakMemoryMB(), stoppedBy: signals.stopped?.signal });
  }
  return signals.stopped?.exitCode ?? 0;
}
