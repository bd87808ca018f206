/** Where a run's metrics go beside its `metrics.jsonl`. */
import { join } from "node:path";
import type { Command } from "commander";
import { endpointText, parseEndpoint } from "../grpc/endpoint.ts";
import { metricsThread } from "../grpc/metrics-thread.ts";
import type { RunMetricsOptions } from "../grpc/run-metrics.ts";
import { clientSecurity, serverSecurity } from "../grpc/security.ts";
import { dropTornLine } from "../monitor/lines.ts";
import { fanOut, type MetricSink } from "../monitor/metric-sink.ts";
import { runIdOf } from "../monitor/run-id.ts";
import { addSecurityOptions, readSecrets, type SecurityOptions } from "./security-options.ts";

const LISTEN = "--metrics-listen";
const PUSH = "--metrics-push";

/** As commander gives them. */
export interface GivenMetrics extends SecurityOptions {
  readonly metricsListen?: string;
  readonly metricsPush?: string;
}

/** Where metrics are served and pushed to, and who may connect. */
export type MetricTargets = Pick<RunMetricsOptions, "listen" | "push">;

export function addMetricOptions(command: Command): void {
  command
    .option(`${LISTEN} <host:port>`, "serve the metrics by gRPC, scorestream.v1.Monitor/Watch")
    .option(`${PUSH} <host:port>`, "push the metrics to a monitor (npm run monitor)");
  addSecurityOptions(command);
}

/** @throws UsageError for what is no address, or one that strangers could reach. */
export function parseMetricTargets(given: GivenMetrics, env: NodeJS.ProcessEnv): MetricTargets {
  if (given.metricsListen === undefined && given.metricsPush === undefined) return {};
  const secrets = readSecrets(given, env);
  const listen = given.metricsListen === undefined ? undefined : parseEndpoint(LISTEN, given.metricsListen, true);
  const push = given.metricsPush === undefined ? undefined : parseEndpoint(PUSH, given.metricsPush, false);
  return {
    ...(listen && { listen: { endpoint: listen, security: serverSecurity(LISTEN, listen, secrets) } }),
    ...(push && { push: { endpoint: push, security: clientSecurity(PUSH, push, secrets) } }),
  };
}

/**
 * Opens what the run's metrics go to.
 *
 * @param path `metrics.jsonl` of the run; a line that an earlier run could not finish is cut off.
 * @throws UsageError when it cannot listen.
 */
export async function openMetrics(
  { listen, push }: MetricTargets,
  { workdir, name, path }: { readonly workdir: string; readonly name: string; readonly path: string },
  tell: (text: string) => void,
): Promise<MetricSink> {
  dropTornLine(path);
  if (!listen && !push) return fanOut([], tell);
  const runId = runIdOf(workdir, name);
  const thread = await metricsThread({ path, runId, ...(listen && { listen }), ...(push && { push }) }, tell);
  if (thread.endpoint) tell(`metrics: run ${runId} is served at ${endpointText(thread.endpoint)}`);
  if (push) tell(`metrics: run ${runId} is pushed to ${endpointText(push.endpoint)}`);
  return fanOut([thread], tell);
}

/** The record of a workdir. */
export const metricsPath = (workdir: string): string => join(workdir, "metrics.jsonl");
