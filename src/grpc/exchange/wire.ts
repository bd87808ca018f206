/** From a node to the others of its view. */
import { parseEndpoint, type Endpoint } from "../endpoint.ts";
import type { ClientSecurity } from "../security.ts";
import { ExchangeClient } from "./client.ts";
import type { FetchRequest, Header, Member, VectorAbout } from "./definition.ts";
import type { Vector } from "./parcel.ts";

export interface Wire {
  /** @throws ServiceError */
  deliver(to: Member, header: Omit<Header, "vectors">, vectors: readonly Vector[], signal: AbortSignal): Promise<void>;
  /** @throws ServiceError */
  fetch(
    from: Member,
    request: FetchRequest,
    wanted: readonly VectorAbout[],
    signal: AbortSignal,
    onMessage: () => void,
  ): Promise<Float32Array[]>;
  /** Keeps connections to these members only. */
  keep(members: readonly Member[]): void;
  close(): void;
}

export interface WireOptions {
  /** Where the coordinator is; it does not tell its address. */
  readonly coordinator: Endpoint;
  readonly security: (endpoint: Endpoint) => ClientSecurity;
  /** ms, see {@link ExchangeClient}. */
  readonly quiet: number;
}

/** One connection to each member, made when it is first needed. */
export function grpcWire({ coordinator, security, quiet }: WireOptions): Wire {
  const clients = new Map<string, ExchangeClient>();
  const clientOf = ({ address }: Member): ExchangeClient => {
    const known = clients.get(address);
    if (known) return known;
    const endpoint = address === "" ? coordinator : parseEndpoint("address", address, false);
    const client = new ExchangeClient(endpoint, security(endpoint), quiet);
    clients.set(address, client);
    return client;
  };
  return {
    // A promise also where an address is none.
    deliver: async (to, ...rest) => clientOf(to).deliver(...rest),
    fetch: async (from, ...rest) => clientOf(from).fetch(...rest),
    keep(members) {
      const wanted = new Set(members.map(({ address }) => address));
      for (const [address, client] of clients) {
        if (wanted.has(address)) continue;
        client.close();
        clients.delete(address);
      }
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}
