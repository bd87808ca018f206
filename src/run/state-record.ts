/** Writes how far a run is into its record. */
import { hostname } from "node:os";
import type { RunEvent } from "../metrics/run-event.ts";
import { MetricLog } from "../monitor/metric-log.ts";
import { namingFile } from "../base/naming-file.ts";
import { startHeart } from "./heart.ts";
import { compiles } from "./from-config.ts";
import type { RunContext } from "./pipeline.ts";
import { RunClock, type RunFailure } from "./run-clock.ts";
import { runPlan } from "./run-plan.ts";

/** ms between what the heart is told at most, however fast the steps are. */
const PACE = 250;

export interface StateRecord {
  /** Takes what the run tells. @throws what the file system says. */
  take(event: RunEvent): void;
  /** Writes the last state. A record that cannot be written is told of already, or soon. */
  end(...how: RunEnd): Promise<void>;
  /** The same at once, for a process that ends now. */
  endNow(...how: RunEnd): void;
}

type RunEnd = readonly [phase: "finished" | "stopped" | "failed", failure?: RunFailure];

/**
 * Begins with the phase "starting"; then a line at every change of phase, and a sign of life every 10 s.
 *
 * @param path The run's record.
 * @param begun When the run began, ms since 1970; default: now.
 */
export function recordState(
  path: string,
  { mode, config, engine, name }: Pick<RunContext, "mode" | "config" | "engine" | "name">,
  begun?: number,
): StateRecord {
  const log = new MetricLog(path, { runId: name, node: hostname() });
  const compile = compiles({ config, engine });
  const { batchSize } = mode === "train_deq" ? config.dequantizer : config.training;
  const clock = new RunClock({ plan: runPlan({ mode, config }), pipeline: name, batchSize, compile, begun });
  const heart = startHeart(path);
  let shown = 0;
  const show = (write: boolean) => {
    const state = clock.state();
    if (write) namingFile(path, () => log.addState(state));
    heart.show(state);
    shown = performance.now();
  };
  const endNow = (...how: RunEnd) => {
    clock.end(...how);
    try {
      log.addState(clock.state());
    } catch {
      // A full disk has ended the run, which says so.
    }
  };
  show(true);
  return {
    endNow,
    take(event) {
      const changed = clock.take(event);
      if (changed || (event.type === "progress" && performance.now() - shown > PACE)) show(changed);
    },
    async end(...how) {
      await heart.stop();
      endNow(...how);
    },
  };
}
