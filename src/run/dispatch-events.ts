/** Runs a pipeline and deals out its events. */
import { hostname } from "node:os";
import { defer, lastValueFrom, tap } from "rxjs";
import { MetricRecord } from "./metric-record.ts";
import type { MetricSink } from "../metrics/metric-sink.ts";
import { metricsPath } from "./workdir.ts";
import { namingFile } from "../base/naming-file.ts";
import type { HistogramReading } from "../metrics/meter.ts";
import type { Pipeline, RunContext, RunEvent, Summary } from "./pipeline.ts";
import type { Reporter } from "./reporter.ts";
import { machineReadings, withMachine } from "./with-machine.ts";

export interface Listeners {
  readonly onResult: (values: Partial<Summary>) => void;
  readonly onHistogram: (reading: HistogramReading) => void;
  /** Told every event before it is dealt out. */
  readonly onEvent?: (event: RunEvent) => void;
}

/**
 * Subscribes to the pipeline: progress to `reporter`, metrics to the workdir's `metrics.jsonl` and then to `sink`,
 * results and histograms to their listeners.
 *
 * @returns A promise that follows the pipeline's completion or error. An error in here also ends the pipeline.
 */
export async function dispatchEvents(
  pipeline: Pipeline,
  context: RunContext,
  reporter: Reporter,
  { onResult, onHistogram, onEvent }: Listeners,
  sink: MetricSink,
): Promise<void> {
  const path = metricsPath(context.workdir);
  const record = new MetricRecord(path, { runId: context.name, node: hostname() });
  const handle = (event: RunEvent) => {
    onEvent?.(event);
    switch (event.type) {
      case "plan":
      case "look":
        return undefined;
      case "stage":
        return reporter.stage(event);
      case "progress":
        return reporter.progress(event);
      case "message":
        return reporter.message(event.text);
      case "result":
        return onResult(event.values);
      case "histogram":
        return onHistogram(event);
      case "rewind":
        return namingFile(path, () => record.rewind(event));
      case "metric": {
        const { name, step, value, unit } = event;
        const metric = { name, step, value, unit, time: new Date().toISOString() };
        return namingFile(path, () => record.add(metric)) && sink.push(metric);
      }
    }
  };
  // Handled in `tap`, not in the observer: there an error would leave the stream and miss the promise.
  const events = defer(() => pipeline.run(context)).pipe(withMachine(machineReadings(context)), tap(handle));
  await lastValueFrom(events, { defaultValue: undefined });
}
