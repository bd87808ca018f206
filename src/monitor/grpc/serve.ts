/** A gRPC server with the Monitor, health and reflection services. */
import type { Feed } from "../feed.ts";
import { PROTO, SERVICE, service } from "./definition.ts";
import { pushHandler, watchHandler, type MetricStore } from "./monitor-service.ts";
import { startServer, type ListenOptions, type Serving } from "../../grpc/server.ts";

export type { Serving } from "../../grpc/server.ts";

export interface ServeOptions extends ListenOptions {
  readonly feed: Feed;
  /** Store for Push; absent: Push is not implemented. */
  readonly store?: MetricStore;
  /** Metrics that may wait for one watcher. */
  readonly watchLimit?: number;
  /** ms of silence after which a watcher gets a sign of life. */
  readonly heartbeat?: number;
}

/** Starts a server; close the feed before it. @throws UsageError when it cannot listen there. */
export function serve(options: ServeOptions): Promise<Serving> {
  const { feed, store, watchLimit, heartbeat } = options;
  let taken = 0;
  const handlers = {
    Watch: watchHandler(feed, { limit: watchLimit, heartbeat, onTaken: () => taken++ }),
    ...(store && { Push: pushHandler(store) }),
  };
  return startServer({ name: SERVICE, proto: PROTO, service, handlers, taken: () => taken }, options);
}
