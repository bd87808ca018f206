/** An Arrow Flight server of prepared images. */
import { startServer, type ListenOptions, type Serving } from "../server.ts";
import { FLIGHT_PROTO, FLIGHT_SERVICE, flightServerService } from "./definition.ts";
import { flightHandlers, type FlightServiceOptions } from "./service.ts";

export interface FlightServeOptions extends ListenOptions, Pick<FlightServiceOptions, "catalog"> {
  /** Reads that may go on at once, default 64; each has a few MiB in memory while its reader is slow. */
  readonly maxStreams?: number;
}

/** Bytes: requests are descriptors and tickets. */
const MAX_REQUEST = 1 << 16;

/** Starts a server. @throws UsageError when it cannot listen there. */
export function serveFlight(options: FlightServeOptions): Promise<Serving> {
  const { catalog, maxStreams = 64, tell } = options;
  const handlers = flightHandlers({ catalog, maxStreams, tell });
  const served = { name: FLIGHT_SERVICE, proto: FLIGHT_PROTO, service: flightServerService, handlers };
  return startServer(served, options, {
    "grpc.max_receive_message_length": MAX_REQUEST,
    // A reader that is gone without a word holds nothing for long; ms.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
  });
}
