/** `/metrics` of the page's server: the newest values of all runs, for Prometheus. */
import { statSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { Feed } from "../feed.ts";
import { entriesOf, isMetric, type Entry } from "../../metrics/metric.ts";
import type { Position } from "../lines.ts";
import type { MetricLog } from "../metric-log.ts";
import { GONE_AFTER } from "../newest.ts";
import { SECURITY_HEADERS } from "./reply.ts";

interface PastRecord {
  readonly log: MetricLog;
  readonly to: Position;
}

/** True for a record whose run would be left out: nothing was written to it for long. */
const isGone = ({ log }: PastRecord) => Date.now() - (statSync(log.path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > GONE_AFTER; // prettier-ignore

/** The newest entry of every metric of every node in the records, which are read in turns: they may be long. */
async function newest(records: readonly PastRecord[]): Promise<Entry[]> {
  const found = new Map<string, Entry>();
  for (const { log, to } of records.filter((record) => !isGone(record))) {
    for await (const { batch } of log.batchesInTurns(to, isMetric)) {
      for (const entry of entriesOf(batch)) {
        if (isMetric(entry)) found.set(JSON.stringify([entry.runId, entry.node, entry.metric.name]), entry);
      }
    }
  }
  return [...found.values()];
}

/** Answers with what the feed has told; OpenTelemetry is loaded with the first request, for those who use it. */
export function prometheusHandler(feed: Feed): RequestListener {
  const open = async () => {
    const { PrometheusMetrics } = await import("../prometheus.ts");
    const metrics = new PrometheusMetrics();
    const come: (readonly Entry[])[] = [];
    let take = (entries: readonly Entry[]): void => void come.push(entries);
    // All in one go: nothing comes between the ends of the records and the first live entry.
    const records = feed.logs().map((log) => ({ log, to: log.end }));
    const states = feed.states();
    const live = feed.live.subscribe((entries) => take(entries));
    try {
      metrics.remember([...(await newest(records)), ...states]);
    } catch (error) {
      live.unsubscribe();
      throw error;
    }
    for (const entries of come) metrics.push(entries);
    take = (entries) => metrics.push(entries);
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
