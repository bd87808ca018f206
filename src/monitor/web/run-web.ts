/** The page of one run; in a thread of its own, see {@link webThread}. */
import type { Endpoint } from "../../grpc/endpoint.ts";
import type { ServerSecurity } from "../../grpc/security.ts";
import { RunFeed } from "../feed.ts";
import { MetricLog } from "../metric-log.ts";
import { recordThread, type RecordThread } from "../record-thread.ts";
import type { Follower } from "../record-worker.ts";
import { prometheusHandler } from "./prometheus-handler.ts";
import { serveWeb } from "./web-server.ts";

export interface RunWebOptions {
  /** The run's `metrics.jsonl`, which another thread writes. */
  readonly path: string;
  readonly runId: string;
  readonly node: string;
  readonly workdir: string;
  /** Address at which the page is served. */
  readonly web: { readonly endpoint: Endpoint; readonly security: ServerSecurity };
}

/** URL of the page. */
export type RunWebReady = string;

/** Opens it in this thread. @throws UsageError when it cannot listen. */
export async function runWeb(
  { path, runId, node, workdir, web }: RunWebOptions,
  tell: (text: string) => void,
): Promise<Follower<RunWebReady>> {
  const feed = new RunFeed(new MetricLog(path, { runId, node }));
  const source = { feed, workdir: () => workdir };
  const server = await serveWeb({ option: "--monitor", ...web, source, metrics: prometheusHandler(feed), tell });
  return {
    ready: server.url,
    refresh: () => feed.refresh(),
    async close(grace) {
      feed.close();
      await server.close(grace);
    },
  };
}

/** Opens it in a thread of its own. @throws UsageError when it cannot listen. */
export const webThread = (options: RunWebOptions, tell: (text: string) => void): Promise<RecordThread<RunWebReady>> =>
  recordThread({ program: new URL("./web-worker.ts", import.meta.url), options, purpose: "serving the page", tell });
