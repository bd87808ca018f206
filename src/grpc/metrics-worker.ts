/** The thread that `metricsThread` starts. */
import { followRecord } from "../monitor/record-worker.ts";
import { runMetrics } from "./run-metrics.ts";

await followRecord(runMetrics);
