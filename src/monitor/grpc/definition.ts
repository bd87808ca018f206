/** The service of `proto/scorestream/v1/monitor.proto`, and its messages as grpc-js hands them over. */
import { logVerbosity, setLogVerbosity, type MethodDefinition, type ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { lastPlace, type MetricBatch } from "../../metrics/metric.ts";
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
  readonly lastSequence: number;
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

/** A sign of life, while there is nothing to tell. */
export const SIGN_OF_LIFE: MetricBatchMessage = { runId: "", node: "", sequence: 0, lastSequence: 0, dropped: 0, metrics: [] }; // prettier-ignore

/** To the wire. */
export const toMessage = (given: MetricBatch): MetricBatchMessage => {
  const { runId, node, sequence, dropped, metrics, state } = given;
  return {
    ...{ runId, node, sequence, lastSequence: lastPlace(given), dropped },
    metrics: metrics.map((metric) => ({ ...metric, time: toTimestamp(metric.time) })),
    ...(state && { state: stateToMessage(state) }),
  };
};

/** From the wire. @param now Stands in where a metric has no time, ISO 8601. @throws RangeError for an impossible time. */
export function fromMessage(message: MetricBatchMessage, now: string): MetricBatch {
  const { runId, node, sequence, lastSequence, dropped, metrics, state } = message;
  const batch: MetricBatch = {
    ...{ runId, node, sequence, dropped },
    metrics: metrics.map((metric) => ({ ...metric, time: metric.time ? fromTimestamp(metric.time) : now })),
    ...(state && { state: stateFromMessage(state, now) }),
  };
  // 0: of an older version, or what follows from the rest.
  return lastSequence > lastPlace(batch) ? { ...batch, last: lastSequence } : batch;
}
