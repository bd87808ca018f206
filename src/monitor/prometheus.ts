/** Metrics for Prometheus, which fetches them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Attributes } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { codeVersion } from "../base/code-version.ts";
import type { Entry, Metric } from "../metrics/metric.ts";
import { Gauges } from "./gauges.ts";
import { MetricNames } from "./metric-names.ts";
import { Newest, presentMetrics, type NewestNode } from "./newest.ts";

/** Prometheus's text exposition format. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const COUNTERS = {
  steps: { unit: "{step}", description: "optimizer steps behind the parameters" },
  images: { unit: "{image}", description: "examples that these steps have seen" },
};
const LAST_SEEN = { unit: "s", description: "when the run was last heard of, since 1970" };

/** Runs are named by their pipeline and eight digits, unless they are given a name. */
const pipelineOf = ({ state, runId }: NewestNode) => state?.pipeline || /^(.+)-[0-9a-f]{8}$/.exec(runId)?.[1];

/**
 * Keeps the newest value of each metric, and answers requests with all of them: `train/loss` of a run is
 * `scorestream_train_loss{run_id="...",node="...",pipeline="..."}`, and its newest step `scorestream_step`.
 *
 * A run that is over or lost leaves five minutes after it was last heard of; speeds are there while something trains.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export class PrometheusMetrics {
  readonly #serializer = new PrometheusSerializer("scorestream", false, undefined, true, true);
  readonly #newest: Newest;

  constructor(now?: () => number) {
    this.#newest = new Newest(now);
  }

  push(entries: readonly Entry[]): void {
    this.#newest.push(entries);
  }

  /** Takes what came before, at the times it says. */
  remember(entries: readonly Entry[]): void {
    this.#newest.remember(entries);
  }

  /** The text exposition as it is now. OpenTelemetry forgets no series: so all are told to it anew. */
  async text(): Promise<string> {
    // Only collects: no server of its own is started.
    const reader = new PrometheusExporter({ preventServerStart: true });
    const provider = new MeterProvider({ readers: [reader] });
    const gauges = new Gauges(provider);
    const meter = provider.getMeter("scorestream");
    const counters = { steps: meter.createCounter("steps", COUNTERS.steps), images: meter.createCounter("images", COUNTERS.images) }; // prettier-ignore
    const lastSeen = meter.createGauge("last_seen_timestamp_seconds", LAST_SEEN);
    const names = new MetricNames((name) => name.replace(/\W/g, "_"));
    for (const node of this.#newest.nodes()) {
      const pipeline = pipelineOf(node);
      const whose: Attributes = { run_id: node.runId, node: node.node, ...(pipeline && { pipeline }) };
      for (const metric of presentMetrics(node)) {
        const apart = names.attributesOf(metric.name);
        const named: Metric = { ...metric, name: names.shared(metric.name) };
        gauges.set(named, { ...whose, ...apart }, whose);
      }
      if (node.state) gauges.setState(node.state, whose);
      counters.steps.add(node.steps, whose);
      if (node.images > 0) counters.images.add(node.images, whose);
      lastSeen.record(node.heard / 1000, whose);
    }
    meter.createGauge("build_info", { description: "version of this program" }).record(1, { version: codeVersion() });
    const { resourceMetrics } = await reader.collect();
    await provider.shutdown();
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
