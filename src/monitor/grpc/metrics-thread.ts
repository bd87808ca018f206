/** Metrics over gRPC beside a run, in a thread of their own: a step of the run blocks neither, and neither blocks it. */
import { recordThread, type RecordThread } from "../record-thread.ts";
import type { Endpoint } from "../../grpc/endpoint.ts";
import type { RunMetricsOptions } from "./run-metrics.ts";

/** Address at which Watch is served. */
export type MetricsReady = Endpoint | undefined;

/** Starts the thread, and waits until it serves. @throws UsageError when it cannot listen. */
export const metricsThread = (
  options: RunMetricsOptions,
  tell: (text: string) => void,
): Promise<RecordThread<MetricsReady>> =>
  recordThread({
    program: new URL("./metrics-worker.ts", import.meta.url),
    options,
    purpose: "serving or pushing metrics",
    tell,
  });
