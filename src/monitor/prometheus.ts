/** Metrics for Prometheus, which fetches them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { Gauges } from "./gauges.ts";
import type { MetricEntry } from "../metrics/metric.ts";

/** Prometheus's text exposition format. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Keeps the newest value of each metric, and answers requests with all of them: `train/loss` of a run is
 * `scorestream_train_loss{run_id="...",node="..."}`, and its newest step `scorestream_step`.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export class PrometheusMetrics {
  /** The reader only collects: it starts no server of its own. */
  readonly #reader = new PrometheusExporter({ preventServerStart: true });
  readonly #provider = new MeterProvider({ readers: [this.#reader] });
  readonly #serializer = new PrometheusSerializer("scorestream", false, undefined, true, true);
  readonly #gauges = new Gauges(this.#provider);

  push(entries: readonly MetricEntry[]): void {
    for (const { runId, node, metric } of entries) this.#gauges.set(metric, { run_id: runId, node });
  }

  /** The text exposition as it is now. */
  async text(): Promise<string> {
    const { resourceMetrics } = await this.#reader.collect();
    const text = this.#serializer.serialize(resourceMetrics);
    return text.endsWith("\n") ? text : `${text}\n`;
  }

  /** Answers a request with {@link text}; to be mounted at /metrics. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    this.text().then(
      (text) => response.writeHead(200, { "content-type": CONTENT_TYPE }).end(text),
      (error: Error) => response.writeHead(500).end(`${error.message}\n`),
    );
  };
}
