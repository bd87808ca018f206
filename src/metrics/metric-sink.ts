/** A receiver of metrics as they arise. */
import type { Metric } from "./metric.ts";

/** Takes metrics of a run, at once and without waiting; does its own work elsewhere. */
export interface MetricSink {
  push(metric: Metric): void;
  /** Sends what waits, within some seconds, and frees everything. */
  close(): Promise<void>;
}

/**
 * Deals metrics out to many sinks, and keeps their troubles from the run: one that throws is told about once and gets
 * no more.
 */
export function fanOut(sinks: readonly MetricSink[], tell: (text: string) => void): MetricSink {
  const open = new Set(sinks);
  const fail = (sink: MetricSink, error: unknown) => {
    if (open.delete(sink)) tell(`warning: metrics: ${error instanceof Error ? error.message : String(error)}`);
  };
  return {
    push(metric) {
      for (const sink of open) {
        try {
          sink.push(metric);
        } catch (error) {
          fail(sink, error);
        }
      }
    },
    async close() {
      const end = async (sink: MetricSink) => sink.close();
      await Promise.all(sinks.map((sink) => end(sink).catch((error: unknown) => fail(sink, error))));
    },
  };
}
