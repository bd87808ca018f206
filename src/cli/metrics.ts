/** Where a run's metrics go beside its `metrics.jsonl`. */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { endpointText, parseEndpoint } from "../grpc/endpoint.ts";
import { metricsThread } from "../grpc/metrics-thread.ts";
import type { RunMetricsOptions } from "../grpc/run-metrics.ts";
import { clientSecurity, serverSecurity } from "../grpc/security.ts";
import { dropTornLine } from "../monitor/lines.ts";
import { fanOut, type MetricSink } from "../monitor/metric-sink.ts";
import type { OtlpTarget } from "../monitor/otlp/otlp-exporter.ts";
import { otlpThread } from "../monitor/otlp/run-otlp.ts";
import { runIdOf } from "../monitor/run-id.ts";
import { webThread, type RunWebOptions } from "../monitor/web/run-web.ts";
import { parseOtlp } from "./otlp.ts";
import { addSecurityOptions, readSecrets, type SecurityOptions } from "./security-options.ts";

const LISTEN = "--metrics-listen";
const PUSH = "--metrics-push";
const MONITOR = "--monitor";

/** As commander gives them. */
export interface GivenMetrics extends SecurityOptions {
  readonly metricsListen?: string;
  readonly metricsPush?: string;
  readonly otlp?: string;
  readonly monitor?: string;
}

/** Where metrics are served, pushed and exported to, and who may connect. */
export type MetricTargets = Pick<RunMetricsOptions, "listen" | "push"> &
  Partial<Pick<RunWebOptions, "web">> & { readonly otlp?: OtlpTarget };

export function addMetricOptions(command: Command): void {
  command
    .option(`${LISTEN} <host:port>`, "serve the metrics by gRPC, scorestream.v1.Monitor/Watch")
    .option(`${PUSH} <host:port>`, "push the metrics to a monitor (npm run monitor)")
    .option(`${MONITOR} <host:port>`, "serve a web page of the run, for example at 127.0.0.1:8080")
    .option("--otlp <url>", "export the metrics to an OpenTelemetry collector by gRPC, as http://127.0.0.1:4317");
  addSecurityOptions(command);
}

/** @throws UsageError for what is no address, or one that strangers could reach. */
export function parseMetricTargets(given: GivenMetrics, env: NodeJS.ProcessEnv): MetricTargets {
  const { metricsListen, metricsPush, otlp, monitor } = given;
  if ([metricsListen, metricsPush, otlp, monitor].every((option) => option === undefined)) return {};
  const secrets = readSecrets(given, env);
  const listen = metricsListen === undefined ? undefined : parseEndpoint(LISTEN, metricsListen, true);
  const push = metricsPush === undefined ? undefined : parseEndpoint(PUSH, metricsPush, false);
  const web = monitor === undefined ? undefined : parseEndpoint(MONITOR, monitor, true);
  return {
    ...(web && { web: { endpoint: web, security: serverSecurity(MONITOR, web, secrets) } }),
    ...(listen && { listen: { endpoint: listen, security: serverSecurity(LISTEN, listen, secrets) } }),
    ...(push && { push: { endpoint: push, security: clientSecurity(PUSH, push, secrets) } }),
    ...(otlp !== undefined && { otlp: parseOtlp(otlp, secrets) }),
  };
}

/**
 * Opens what the run's metrics go to.
 *
 * @param path `metrics.jsonl` of the run; a line that an earlier run could not finish is cut off.
 * @throws UsageError when it cannot listen.
 */
export async function openMetrics(
  { listen, push, otlp, web }: MetricTargets,
  { workdir, name, path }: { readonly workdir: string; readonly name: string; readonly path: string },
  tell: (text: string) => void,
): Promise<MetricSink> {
  dropTornLine(path);
  if (!listen && !push && !otlp && !web) return fanOut([], tell);
  const runId = runIdOf(workdir, name);
  const sinks: MetricSink[] = [];
  try {
    if (otlp) {
      sinks.push(await otlpThread({ ...otlp, path, runId, pipeline: name }, tell));
      tell(`metrics: run ${runId} is exported to ${endpointText(otlp.endpoint)}`);
    }
    if (web) {
      const page = await webThread({ path, runId, workdir: resolve(workdir), web }, tell);
      sinks.push(page);
      tell(`page: ${page.ready}${web.security.token ? " (asks for the token)" : ""}`);
    }
    if (listen || push) {
      const thread = await metricsThread({ path, runId, ...(listen && { listen }), ...(push && { push }) }, tell);
      sinks.push(thread);
      if (thread.endpoint) tell(`metrics: run ${runId} is served at ${endpointText(thread.endpoint)}`);
      if (push) tell(`metrics: run ${runId} is pushed to ${endpointText(push.endpoint)}`);
    }
  } catch (error) {
    await Promise.all(sinks.map((sink) => sink.close()));
    throw error;
  }
  return fanOut(sinks, tell);
}

/** The record of a workdir. */
export const metricsPath = (workdir: string): string => join(workdir, "metrics.jsonl");
