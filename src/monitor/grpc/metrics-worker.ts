/** The thread that `metricsThread` starts. */
import { followRecord } from "../record-worker.ts";
import { runMetrics } from "./run-metrics.ts";

await followRecord(runMetrics);
