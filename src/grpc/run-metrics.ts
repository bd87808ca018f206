/** Serves and pushes the metrics of one run; in a thread of its own, see {@link metricsThread}. */
import { hostname } from "node:os";
import { RunFeed } from "../monitor/feed.ts";
import { MetricLog } from "../monitor/metric-log.ts";
import { endpointText, type Endpoint } from "./endpoint.ts";
import { MonitorClient } from "./monitor-client.ts";
import { Pusher } from "./pusher.ts";
import type { ClientSecurity, ServerSecurity } from "./security.ts";
import { serve } from "./serve.ts";

export interface RunMetricsOptions {
  /** The run's `metrics.jsonl`, which another thread writes. */
  readonly path: string;
  readonly runId: string;
  /** Where Watch is served. */
  readonly listen?: { readonly endpoint: Endpoint; readonly security: ServerSecurity };
  /** The monitor to push to. */
  readonly push?: { readonly endpoint: Endpoint; readonly security: ClientSecurity };
}

export interface RunMetrics {
  /** Where Watch is served. */
  readonly endpoint: Endpoint | undefined;
  /** The record has grown. */
  refresh(): void;
  /** Gives watchers and the monitor the rest. @param grace ms that it may take. */
  close(grace: number): Promise<void>;
}

/** @throws UsageError when it cannot listen. */
export async function runMetrics(options: RunMetricsOptions, tell: (text: string) => void): Promise<RunMetrics> {
  const { path, runId, listen, push } = options;
  const log = new MetricLog(path, { runId, node: hostname() });
  const feed = new RunFeed(log);
  const server = listen && (await serve({ option: "--metrics-listen", ...listen, feed, tell }));
  const client = push && new MonitorClient(push.endpoint, push.security);
  const name = push && endpointText(push.endpoint);
  const pusher = client && name !== undefined ? new Pusher({ client, log, name, tell }) : undefined;
  return {
    endpoint: server?.endpoint,
    refresh() {
      feed.refresh();
      pusher?.wake();
    },
    async close(grace) {
      feed.close();
      const [delivered = true] = await Promise.all([pusher?.close(grace), server?.close(grace)]);
      if (!delivered) {
        tell(
          `warning: the monitor ${name} does not have all metrics; they are in ${path}, and are sent when the run goes on`,
        );
      }
      client?.close();
    },
  };
}
