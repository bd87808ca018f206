/** The service of `proto/scorestream/v1/monitor.proto`, and its messages as grpc-js hands them over. */
import { logVerbosity, setLogVerbosity, type MethodDefinition, type ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import type { MetricBatch } from "../../metrics/metric.ts";
import type { WatchRequest } from "../watch-filter.ts";
import { protoFolder } from "../../grpc/proto-folder.ts";

// Errors contain the text that grpc-js would print.
if (!process.env["GRPC_VERBOSITY"]) setLogVerbosity(logVerbosity.NONE);

/** Path within that folder. */
export const PROTO = "scorestream/v1/monitor.proto";

/** Steps and places are far below 2^53. */
export const definition: PackageDefinition = loadSync(PROTO, {
  includeDirs: [protoFolder],
  longs: Number,
  enums: String,
  defaults: true,
});

export const SERVICE = "scorestream.v1.Monitor";

interface Timestamp {
  /** Seconds since 1970, UTC. */
  readonly seconds: number;
  readonly nanos: number;
}

export interface MetricMessage {
  readonly name: string;
  readonly step: number;
  readonly value: number;
  readonly unit: string;
  readonly time: Timestamp | null;
}

export interface MetricBatchMessage {
  readonly runId: string;
  readonly node: string;
  readonly metrics: readonly MetricMessage[];
  readonly sequence: number;
  readonly dropped: number;
}

export interface PushSummary {
  readonly stored: number;
  readonly duplicates: number;
}

export interface MonitorService extends ServiceDefinition {
  readonly Watch: MethodDefinition<WatchRequest, MetricBatchMessage>;
  readonly Push: MethodDefinition<MetricBatchMessage, PushSummary>;
}

export const service = definition[SERVICE] as unknown as MonitorService;

function toTimestamp(time: string): Timestamp | null {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) return null;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
}

const fromTimestamp = ({ seconds, nanos }: Timestamp) => new Date(seconds * 1000 + nanos / 1e6).toISOString();

/** Converts a batch to its message. */
export const toMessage = ({ metrics, ...batch }: MetricBatch): MetricBatchMessage => ({
  ...batch,
  metrics: metrics.map((metric) => ({ ...metric, time: toTimestamp(metric.time) })),
});

/**
 * Converts a message to its batch. @param now Stands in where a metric has no time, ISO 8601. @throws RangeError for an
 * impossible time.
 */
export const fromMessage = ({ metrics, ...batch }: MetricBatchMessage, now: string): MetricBatch => ({
  ...batch,
  metrics: metrics.map((metric) => ({ ...metric, time: metric.time ? fromTimestamp(metric.time) : now })),
});
