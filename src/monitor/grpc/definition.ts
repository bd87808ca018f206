/** The service of `proto/scorestream/v1/monitor.proto`, and its messages as grpc-js hands them over. */
import { logVerbosity, setLogVerbosity, type MethodDefinition, type ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import type { MetricBatch } from "../../metrics/metric.ts";
import type { WatchRequest } from "../watch-filter.ts";
import { stateFromMessage, stateToMessage, type RunStateMessage } from "./state-message.ts";
import { fromTimestamp, toTimestamp, type Timestamp } from "./timestamp.ts";
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
  readonly state?: RunStateMessage | null;
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

/** To the wire. */
export const toMessage = ({ metrics, state, ...batch }: MetricBatch): MetricBatchMessage => ({
  ...batch,
  metrics: metrics.map((metric) => ({ ...metric, time: toTimestamp(metric.time) })),
  ...(state && { state: stateToMessage(state) }),
});

/** From the wire. @param now Stands in where a metric has no time, ISO 8601. @throws RangeError for an impossible time. */
export const fromMessage = ({ metrics, state, ...batch }: MetricBatchMessage, now: string): MetricBatch => ({
  ...batch,
  metrics: metrics.map((metric) => ({ ...metric, time: metric.time ? fromTimestamp(metric.time) : now })),
  ...(state && { state: stateFromMessage(state, now) }),
});
