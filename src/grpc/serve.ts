/** A gRPC server with the Monitor, health and reflection services. */
import { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation, protoPath as healthProto } from "grpc-health-check";
import { UsageError } from "../errors.ts";
import type { Feed } from "../monitor/feed.ts";
import { serverCredentials, tokenInterceptor } from "./credentials.ts";
import { PROTO, protoFolder, SERVICE, service } from "./definition.ts";
import { describeProtos } from "./descriptors.ts";
import { endpointText, type Endpoint } from "./endpoint.ts";
import { pushHandler, watchHandler, type Store } from "./monitor-service.ts";
import type { ServerSecurity } from "./security.ts";
import { occasionally } from "./occasionally.ts";

export interface ServeOptions {
  /** Named in errors, as `--metrics-listen`. */
  readonly option: string;
  readonly endpoint: Endpoint;
  readonly security: ServerSecurity;
  readonly feed: Feed;
  /** Without one, Push is not implemented. */
  readonly store?: Store;
  /** Metrics that may wait for one watcher. */
  readonly watchLimit?: number;
  readonly tell: (text: string) => void;
}

export interface Serving {
  readonly endpoint: Endpoint;
  /** Waits until every call has ended, at most `grace` ms, then ends them. Close the feed before. */
  close(grace: number): Promise<void>;
}

function listen(server: Server, { option, endpoint, security }: ServeOptions): Promise<number> {
  const address = endpointText(endpoint);
  const failed = (error: unknown) =>
    new UsageError(
      `${option} ${address}: cannot listen there: ${error instanceof Error ? error.message : String(error)}`,
      "use an address of this machine and a port that is free (port 0 takes any), and a certificate with its key, PEM",
      { cause: error },
    );
  return new Promise((resolve, reject) => {
    try {
      server.bindAsync(address, serverCredentials(security), (error, port) =>
        error ? reject(failed(error)) : resolve(port),
      );
    } catch (error) {
      reject(failed(error));
    }
  });
}

/** Starts a server. @throws UsageError when it cannot listen there. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { endpoint, security, feed, store, watchLimit, tell } = options;
  const refused = occasionally((more, peer: string, path: string) =>
    tell(`${peer} was refused ${path}: it has no valid token${more > 0 ? ` (and ${more} more calls)` : ""}`),
  );
  const { token } = security;
  const server = new Server(token ? { interceptors: [tokenInterceptor(token, refused)] } : {});
  server.addService(service, {
    Watch: watchHandler(feed, watchLimit),
    ...(store && { Push: pushHandler(store) }),
  });
  const health = new HealthImplementation({ "": "SERVING", [SERVICE]: "SERVING" });
  health.addToServer(server);
  new ReflectionService(describeProtos([PROTO, healthProto], [protoFolder])).addToServer(server);
  const port = await listen(server, options);
  return {
    endpoint: { ...endpoint, port },
    async close(grace) {
      for (const name of ["", SERVICE]) health.setStatus(name, "NOT_SERVING");
      const force = setTimeout(() => server.forceShutdown(), grace);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(force);
    },
  };
}
