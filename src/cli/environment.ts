/** The command line's view of the process, which tests can replace. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import type { loadEngine } from "../engine/load.ts";
import { folderRegistry, type PipelineRegistry } from "./registry.ts";
import type { Screen } from "../run/reporter.ts";
import type { SignalSource } from "./signals.ts";

export interface Environment {
  readonly registry: PipelineRegistry;
  readonly loadEngine: typeof loadEngine;
  readonly stdout: Pick<NodeJS.WriteStream, "write">;
  readonly stderr: Screen;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: SignalSource;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Milliseconds. */
  readonly now: () => number;
}

/** The real one; TensorFlow is loaded only when a run needs it. */
export function processEnvironment(): Environment {
  return {
    registry: folderRegistry(),
    loadEngine: async (options) => (await import("../engine/load.ts")).loadEngine(options),
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signals: process,
    exit: (code) => process.exit(code),
    now: Date.now,
  };
}

/** @throws UsageError where this user has none. */
function homeFolder(): string {
  let home = "";
  try {
    home = homedir();
  } catch {
    // Neither HOME nor an entry of this user.
  }
  if (home) return home;
  throw new UsageError(
    "there is no folder for the cache: HOME is unset and this user has no home folder",
    "set SCORESTREAM_CACHE to a folder that you can write to",
  );
}

/** `SCORESTREAM_CACHE`, else `scorestream` in the user's cache folder. @throws UsageError without a home folder. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return resolve(
    env["SCORESTREAM_CACHE"] || join(env["XDG_CACHE_HOME"] || join(homeFolder(), ".cache"), "scorestream"),
  );
}

/** Largest resident memory so far, MiB; undefined where the runtime does not tell. */
export function peakMemoryMB(): number | undefined {
  try {
    return Math.round(process.resourceUsage().maxRSS / 1024);
  } catch {
    return undefined;
  }
}
