/** The targets of a run's metrics, beside its `metrics.jsonl`. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { endpointText, parseEndpoint } from "../grpc/endpoint.ts";
import type { RunMetricsOptions } from "../monitor/grpc/run-metrics.ts";
import { clientSecurity, serverSecurity } from "../grpc/security.ts";
import { dropTornLine } from "../monitor/lines.ts";
import { fanOut, type MetricSink } from "../metrics/metric-sink.ts";
import type { OtlpTarget } from "../monitor/otlp/otlp-exporter.ts";
import { UsageError } from "../base/errors.ts";
import { identityOf, RUN_ID } from "../monitor/run-id.ts";
import type { RunWebOptions } from "../monitor/web/run-web.ts";
import type { NotifyTarget } from "../monitor/notify/notify.ts";
import { addNotifyOptions, parseNotify, type GivenNotify } from "./notify.ts";
import { parseTrack } from "./track.ts";
import { parseOtlp } from "./otlp.ts";
import { addHostOption, addSecurityOptions } from "./security-options.ts";
import { readSecrets } from "../grpc/secrets.ts";
import type { SecurityOptions } from "../grpc/secrets.ts";
import { asInstalled } from "../base/commands.ts";

const LISTEN = "--metrics-listen";
const PUSH = "--metrics-push";
const PUSH_LIMIT = "--metrics-push-limit";
const RUN_ID_OPTION = "--run-id";
const MONITOR = "--monitor";

/** Options as commander gives them. */
export interface GivenMetrics extends SecurityOptions, GivenNotify {
  readonly metricsListen?: string;
  readonly metricsPush?: string;
  readonly metricsPushLimit?: string;
  readonly runId?: string;
  readonly otlp?: string;
  readonly track?: string;
  readonly monitor?: string;
}

/** Addresses at which metrics are served and to which they are sent, and who may connect. */
export type MetricTargets = Pick<RunMetricsOptions, "listen" | "push"> &
  Partial<Pick<RunWebOptions, "web">> & {
    readonly otlp?: OtlpTarget;
    readonly notify?: NotifyTarget;
    /** Address of an MLflow server. */ readonly mlflow?: string;
    readonly runId?: string;
  };

export function addMetricOptions(command: Command): void {
  command
    .option(`${LISTEN} <host:port>`, "serves the metrics by gRPC (scorestream.v1.Monitor/Watch)")
    .option(`${PUSH} <host:port>`, asInstalled("pushes the metrics to a monitor (npm run monitor)"))
    .option(
      `${PUSH_LIMIT} <mib>`,
      "how much of the newest metrics to keep on disk while the monitor is absent; default 1024",
    )
    .option(
      `${RUN_ID_OPTION} <name>`,
      "name of the run in metrics, kept in its workdir; give all its nodes the same name; default: a new name",
    )
    .option(`${MONITOR} <host:port>`, "serves a web page of the run, for example at 127.0.0.1:8080")
    .option("--otlp <url>", "exports the metrics to an OpenTelemetry collector, for example http://127.0.0.1:4317");
  command.option("--track <mlflow:url>", "sends metrics and settings to an MLflow server, for example mlflow:http://127.0.0.1:5000"); // prettier-ignore
  addNotifyOptions(command);
  addSecurityOptions(command);
  addHostOption(command);
}

/** Bytes. @throws UsageError for what is no whole number of MiB. */
function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text) * 2 ** 20;
  throw new UsageError(`${PUSH_LIMIT} ${text}: expected a whole number of MiB`, `for example ${PUSH_LIMIT} 100`);
}

/** @throws UsageError for what cannot be the name of a run. */
function checkRunId(text: string | undefined): void {
  if (text === undefined || RUN_ID.test(text)) return;
  throw new UsageError(
    `${RUN_ID_OPTION} ${text}: expected at most 200 letters, digits, "_", "." and "-"`,
    `for example ${RUN_ID_OPTION} first-try`,
  );
}

/** @throws UsageError for what is no address, or one that strangers could reach. */
export function parseMetricTargets(given: GivenMetrics, env: NodeJS.ProcessEnv): MetricTargets {
  const { metricsListen, metricsPush, otlp, monitor, runId } = given;
  checkRunId(runId);
  const limit = parseLimit(given.metricsPushLimit);
  const notify = parseNotify(given, given.insecure);
  const mlflow = given.track === undefined ? undefined : parseTrack(given.track, given.insecure);
  if ([metricsListen, metricsPush, otlp, monitor, notify, mlflow].every((option) => option === undefined)) {
    return runId === undefined ? {} : { runId };
  }
  const secrets = readSecrets(given, env);
  const listen = metricsListen === undefined ? undefined : parseEndpoint(LISTEN, metricsListen, true);
  const push = metricsPush === undefined ? undefined : parseEndpoint(PUSH, metricsPush, false);
  const web = monitor === undefined ? undefined : parseEndpoint(MONITOR, monitor, true);
  return {
    ...(web && { web: { endpoint: web, security: serverSecurity(MONITOR, web, secrets) } }),
    ...(listen && { listen: { endpoint: listen, security: serverSecurity(LISTEN, listen, secrets) } }),
    ...(push && { push: { endpoint: push, security: clientSecurity(PUSH, push, secrets), ...(limit && { limit }) } }),
    ...(runId !== undefined && { runId }),
    ...(notify && { notify }),
    ...(mlflow !== undefined && { mlflow }),
    ...(otlp !== undefined && { otlp: parseOtlp(otlp, secrets) }),
  };
}

/**
 * Opens what the run's metrics go to. Each target is loaded only when it is asked for, since their libraries take long.
 *
 * @param path `metrics.jsonl` of the run; a line that an earlier run could not finish is cut off.
 * @throws UsageError when it cannot listen.
 */
export async function openMetrics(
  { listen, push, otlp, web, notify, mlflow, runId: given }: MetricTargets,
  { workdir, name, path }: { readonly workdir: string; readonly name: string; readonly path: string },
  tell: (text: string) => void,
): Promise<MetricSink> {
  dropTornLine(path);
  // A name that is given is for those who follow the workdir, too.
  if ([listen, push, otlp, web, notify, mlflow, given].every((one) => one === undefined)) return fanOut([], tell);
  const { runId, node } = identityOf(workdir, name, given, tell);
  const record = { path, runId, node };
  const sinks: MetricSink[] = [];
  try {
    if (otlp) {
      const { otlpThread } = await import("../monitor/otlp/run-otlp.ts");
      sinks.push(await otlpThread({ ...otlp, ...record, pipeline: name }, tell));
      tell(`metrics: run ${runId} is exported to ${endpointText(otlp.endpoint)}`);
    }
    if (mlflow) {
      const { mlflowThread } = await import("../monitor/mlflow/run-mlflow.ts");
      sinks.push(await mlflowThread({ ...record, url: mlflow, pipeline: name, workdir }, tell));
      tell(`metrics: run ${runId} is tracked by MLflow at ${new URL(mlflow).host}`);
    }
    if (notify) {
      const { notifyThread } = await import("../monitor/notify/notify.ts");
      sinks.push(await notifyThread({ ...notify, ...record }, tell));
    }
    if (web) {
      const { webThread } = await import("../monitor/web/run-web.ts");
      const page = await webThread({ ...record, workdir: resolve(workdir), web }, tell);
      sinks.push(page);
      tell(`page: ${page.ready}${web.security.token ? " (asks for the token)" : ""}`);
    }
    if (listen || push) {
      const { metricsThread } = await import("../monitor/grpc/metrics-thread.ts");
      const thread = await metricsThread({ ...record, ...(listen && { listen }), ...(push && { push }) }, tell);
      sinks.push(thread);
      if (thread.ready) tell(`metrics: run ${runId} is served at ${endpointText(thread.ready)}`);
      if (push) tell(`metrics: run ${runId} is pushed to ${endpointText(push.endpoint)}`);
    }
  } catch (error) {
    await Promise.all(sinks.map((sink) => sink.close()));
    throw error;
  }
  return fanOut(sinks, tell);
}
