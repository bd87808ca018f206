/** Metrics to a collector by OTLP over gRPC. */
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { channelCredentials } from "../../grpc/credentials.ts";
import { endpointText, type Endpoint } from "../../grpc/endpoint.ts";
import type { ClientSecurity } from "../../grpc/security.ts";
import { Gauges } from "../gauges.ts";
import { isMetric, type Entry, type Metric } from "../../metrics/metric.ts";
import { MetricNames, openTelemetryName } from "../metric-names.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import { onPartialSuccess } from "./partial-success.ts";
import { runResource } from "./resource.ts";

/** ms that a collector has to answer the last export: a run does not wait longer for it. */
const LAST_ANSWER = 2000;

/** Address of the collector, and how to connect. */
export interface OtlpTarget {
  readonly endpoint: Endpoint;
  /** No token of ours: a collector has headers of its own, OTEL_EXPORTER_OTLP_HEADERS. */
  readonly security: Pick<ClientSecurity, "tls">;
}

export interface OtlpOptions extends OtlpTarget {
  readonly runId: string;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** ms between exports; one may take as long. */
  readonly interval?: number;
}

export interface OtlpExporter {
  /** Takes metrics at once; the newest of each name are exported. */
  push(entries: readonly Entry[]): void;
  /** Exports the last values, and ends. @param grace ms that it may take, 2000 at most. */
  close(grace: number): Promise<void>;
}

/** An exporter whose failures are told: the SDK only logs them. */
class Watched extends OTLPMetricExporter {
  readonly #onFailure: (error: Error) => void;

  constructor(options: ConstructorParameters<typeof OTLPMetricExporter>[0], onFailure: (error: Error) => void) {
    super(options);
    this.#onFailure = onFailure;
  }

  override export(...[metrics, done]: Parameters<PushMetricExporter["export"]>): void {
    super.export(metrics, (result) => {
      if (result.error) this.#onFailure(result.error);
      done(result);
    });
  }
}

/**
 * Exports the newest value of each metric every 5 s, and at the end. While the collector is away nothing is kept but
 * the newest values.
 *
 * `train/loss` is the gauge `scorestream.train.loss`.
 *
 * @param tell Told once, the first time that an export fails, and the first time that one is taken in part.
 */
export function otlpExporter(options: OtlpOptions, tell: (text: string) => void): OtlpExporter {
  const { endpoint, security, runId, pipeline, interval = 5000 } = options;
  const name = endpointText(endpoint);
  let told = false;
  const warn = (why: string) => {
    if (!told) tell(`warning: the collector ${name} does not take metrics (${why}); it gets the newest once it does`);
    told = true;
  };
  let toldPart = false;
  onPartialSuccess((rejected, why) => {
    const count = rejected > 0 ? `rejects ${rejected} values` : "has a remark";
    if (!toldPart) tell(`warning: the collector ${name} ${count}: ${sanitizeText(why)}`);
    toldPart = true;
  });
  const exporter = new Watched(
    // The scheme is not http: a URL of http would lose the port 80, and gRPC would take another.
    { url: `grpc://${name}`, credentials: channelCredentials(security), timeoutMillis: interval },
    (error) => warn(error.message),
  );
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: interval,
    exportTimeoutMillis: interval,
  });
  const provider = new MeterProvider({ resource: runResource(runId, pipeline), readers: [reader] });
  const gauges = new Gauges(provider, "scorestream.");
  const names = new MetricNames(openTelemetryName);
  const set = (metric: Metric, node: string) => {
    const apart = names.attributesOf(metric.name);
    const named = { ...metric, name: openTelemetryName(metric.name) };
    gauges.set(named, { node, ...apart }, { node });
  };
  return {
    push(entries) {
      for (const entry of entries) {
        const { node } = entry;
        if (isMetric(entry)) set(entry.metric, node);
        else gauges.setState(entry.state, { node });
      }
    },
    async close(grace) {
      const timeoutMillis = Math.min(grace, LAST_ANSWER);
      await provider.shutdown({ timeoutMillis }).catch(() => warn(`no answer within ${timeoutMillis / 1000} s`));
    },
  };
}
