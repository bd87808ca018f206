/** A gRPC server with health and reflection, whatever else it serves. */
import { Server, type ServerOptions, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation, protoPath as healthProto } from "grpc-health-check";
import { UsageError } from "../base/errors.ts";
import { serverCredentials, tokenInterceptor } from "./credentials.ts";
import { endDeadSessions, type SessionLimits } from "./dead-sessions.ts";
import { protoFolder } from "./proto-folder.ts";
import { describeProtos } from "./descriptors.ts";
import { endpointText, type Endpoint } from "./endpoint.ts";
import { sanitizeText } from "../base/sanitize-text.ts";
import { openWindows } from "./http2-servers.ts";
import { andMore } from "../base/lists.ts";
import { occasionally } from "../base/occasionally.ts";
import type { ServerSecurity } from "./security.ts";
import { onTlsRefused } from "./tls-refusals.ts";

export interface ListenOptions {
  /** Named in errors, as `--metrics-listen`. */
  readonly option: string;
  readonly endpoint: Endpoint;
  readonly security: ServerSecurity;
  readonly tell: (text: string) => void;
  /** Patience with silent connections; default: 10 s without calls, 5 min with, 64 without any call. */
  readonly patience?: SessionLimits;
}

/** A service, and where its .proto file is. */
export interface Served {
  readonly name: string;
  readonly proto: string;
  readonly service: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
  /** Grows while clients take what is on its way to them. */
  readonly taken?: () => number;
}

export interface Serving {
  readonly endpoint: Endpoint;
  /** Waits until every call has ended, at most `grace` ms or, while clients still take something, ten times as long; then ends them. */
  close(grace: number): Promise<void>;
}

/** Times the grace that a client has which is slow but not stalled. */
const LONGER = 10;

function listen(server: Server, { option, endpoint, security }: ListenOptions): Promise<number> {
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
export async function startServer(
  { name, proto, service, handlers, taken = () => 0 }: Served,
  options: ListenOptions,
  serverOptions: ServerOptions = {},
): Promise<Serving> {
  const { endpoint, security, tell, patience } = options;
  const refused = occasionally((more, peer: string, path: string) =>
    tell(`${peer} was refused ${sanitizeText(path)}: it has no valid token${andMore(more, "calls")}`),
  );
  const { token } = security;
  const server = new Server({ ...serverOptions, ...(token && { interceptors: [tokenInterceptor(token, refused)] }) });
  server.addService(service, handlers);
  const health = new HealthImplementation({ "": "SERVING", [name]: "SERVING" });
  health.addToServer(server);
  new ReflectionService(describeProtos([proto, healthProto], [protoFolder])).addToServer(server);
  const port = await listen(server, options);
  const window = serverOptions["grpc-node.flow_control_window"];
  if (window !== undefined) openWindows(server, window);
  endDeadSessions(server, patience);
  const refusedTls = occasionally((more, peer: string, why: string) =>
    tell(`the TLS handshake with ${peer} failed: ${sanitizeText(why)}${andMore(more, "connections")}`),
  );
  onTlsRefused(server, refusedTls);
  return {
    endpoint: { ...endpoint, port },
    async close(grace) {
      for (const one of ["", name]) health.setStatus(one, "NOT_SERVING");
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        const last = performance.now() + LONGER * grace;
        const wait = (before: number) => {
          timer = setTimeout(() => {
            const now = taken();
            if (now === before || performance.now() >= last) resolve();
            else wait(now);
          }, grace);
        };
        wait(taken());
        server.tryShutdown(() => resolve());
      });
      clearTimeout(timer);
      // Connections whose calls have ended may linger.
      server.forceShutdown();
    },
  };
}
