/** Serves and pushes the metrics of one run; in a thread of its own, see {@link metricsThread}. */
import { RunFeed } from "../feed.ts";
import { MetricLog } from "../metric-log.ts";
import { endpointText, type Endpoint } from "../../grpc/endpoint.ts";
import { MonitorClient } from "./monitor-client.ts";
import { Pusher } from "./pusher.ts";
import type { Follower } from "../record-worker.ts";
import type { ClientSecurity, ServerSecurity } from "../../grpc/security.ts";
import { serve } from "./serve.ts";

export interface RunMetricsOptions {
  /** The run's `metrics.jsonl`, which another thread writes. */
  readonly path: string;
  readonly runId: string;
  readonly node: string;
  /** Address at which Watch is served. */
  readonly listen?: { readonly endpoint: Endpoint; readonly security: ServerSecurity };
  /** The monitor to push to. */
  readonly push?: {
    readonly endpoint: Endpoint;
    readonly security: ClientSecurity;
    /** Bytes of the record that may wait for the monitor. */
    readonly limit?: number;
  };
}

/** ms that a monitor has to take the rest. */
const LAST = 5000;

/** Tells where Watch is served. @throws UsageError when it cannot listen. */
export async function runMetrics(
  options: RunMetricsOptions,
  tell: (text: string) => void,
): Promise<Follower<Endpoint | undefined>> {
  const { path, runId, node, listen, push } = options;
  const log = new MetricLog(path, { runId, node });
  const feed = new RunFeed(log);
  const server = listen && (await serve({ option: "--metrics-listen", ...listen, feed, tell }));
  const client = push && new MonitorClient(push.endpoint, push.security);
  const name = push && endpointText(push.endpoint);
  const pusher =
    client && name !== undefined
      ? new Pusher({ client, log, name, tell, ...(push?.limit && { limit: push.limit }) })
      : undefined;
  return {
    ready: server?.endpoint,
    refresh() {
      feed.refresh();
      pusher?.wake();
    },
    async close(grace) {
      feed.close();
      const [delivered = true] = await Promise.all([pusher?.close(LAST), server?.close(grace)]);
      if (!delivered) {
        tell(
          `warning: the monitor ${name} does not have all metrics; they are in ${path}, and are sent when the run goes on`,
        );
      }
      client?.close();
    },
  };
}
