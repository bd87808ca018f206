/** `/metrics` of the page's server: the newest values of all runs, for Prometheus. */
import type { RequestListener } from "node:http";
import type { Feed } from "../feed.ts";
import { isMetric, type Entry } from "../../metrics/metric.ts";
import { START } from "../lines.ts";
import { SECURITY_HEADERS } from "./reply.ts";

/** The newest entry of every metric of every node, by the records up to now, and the newest states. */
function newest(feed: Feed): Entry[] {
  const found = new Map<string, Entry>();
  for (const log of feed.logs()) {
    for (const { entry } of log.read(START, log.end)) {
      if (entry && isMetric(entry)) found.set(JSON.stringify([entry.runId, entry.node, entry.metric.name]), entry);
    }
  }
  return [...found.values(), ...feed.states()];
}

/** Answers with what the feed has told; OpenTelemetry is loaded with the first request, for those who use it. */
export function prometheusHandler(feed: Feed): RequestListener {
  const open = async () => {
    const { PrometheusMetrics } = await import("../prometheus.ts");
    const metrics = new PrometheusMetrics();
    // Both in one go: nothing comes between the ends of the records and the first live entry.
    metrics.remember(newest(feed));
    feed.live.subscribe((entries) => metrics.push(entries));
    return metrics;
  };
  let opened: ReturnType<typeof open> | undefined;
  return (request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    (opened ??= open()).then(
      (metrics) => metrics.handler(request, response),
      (error: Error) => {
        // A record that could not be read may be read the next time.
        opened = undefined;
        response.writeHead(500).end(`${error.message}\n`);
      },
    );
  };
}
