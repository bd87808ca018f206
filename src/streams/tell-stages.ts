import { concatMap, defer, type MonoTypeOperatorFunction } from "rxjs";
import type { Meter } from "../metrics/meter.ts";
import type { RunEvent } from "../metrics/run-event.ts";

/** Options of {@link tellStages}. */
export interface TellStagesOptions {
  /** Replaces "stage" in the metrics' names. */
  readonly name: string;
  /** Optimizer steps that produced the parameters. */
  readonly step: number;
  /** ms between readings. */
  readonly every?: number;
  /** Milliseconds. */
  readonly now?: () => number;
}

/**
 * Adds the measurements of an evaluation's stages to its events: at its first progress, then every 5 s with the
 * progress.
 *
 * @example
 * ```ts
 * evaluationEvents.pipe(tellStages(meter, { name: "eval_stage/bound", step: state.step }));
 * ```
 * @returns The same events, and metrics `<name>/<stage>/batches_per_second`, `queue` and `seconds`.
 */
export function tellStages(
  meter: Meter,
  { name, step, every = 5000, now = () => performance.now() }: TellStagesOptions,
): MonoTypeOperatorFunction<RunEvent> {
  return (source) =>
    defer(() => {
      let last = -Infinity;
      return source.pipe(
        concatMap((event): RunEvent[] => {
          if (event.type !== "progress" || now() - last < every) return [event];
          last = now();
          const named = meter.read().map((reading) => ({ ...reading, name: reading.name.replace(/^stage/, name) }));
          return [event, ...named.map((reading): RunEvent => ({ type: "metric", step, ...reading }))];
        }),
      );
    });
}
