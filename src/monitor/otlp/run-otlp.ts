/** The export of one run by OTLP; in a thread of its own, see {@link otlpThread}. */
import { RunFeed } from "../feed.ts";
import { MetricLog } from "../metric-log.ts";
import { recordThread, type RecordThread } from "../record-thread.ts";
import type { Follower } from "../record-worker.ts";
import { otlpExporter, type OtlpOptions } from "./otlp-exporter.ts";

export interface RunOtlpOptions extends OtlpOptions {
  /** The run's `metrics.jsonl`, which another thread writes. */
  readonly path: string;
  readonly node: string;
}

/** Exports what the record grows by, in this thread. */
export async function runOtlp(options: RunOtlpOptions, tell: (text: string) => void): Promise<Follower<undefined>> {
  const feed = new RunFeed(new MetricLog(options.path, options));
  const exporter = otlpExporter(options, tell);
  feed.live.subscribe((entries) => exporter.push(entries));
  return {
    ready: undefined,
    refresh: () => feed.refresh(),
    async close(grace) {
      feed.close();
      await exporter.close(grace);
    },
  };
}

/** Exports in a thread of its own, so that a step of the run does not keep an export from its deadline. */
export const otlpThread = (options: RunOtlpOptions, tell: (text: string) => void): Promise<RecordThread<undefined>> =>
  recordThread({
    program: new URL("./otlp-worker.ts", import.meta.url),
    options,
    purpose: "exporting metrics",
    tell,
  });
