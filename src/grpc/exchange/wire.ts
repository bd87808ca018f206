/** Connects a node to the others of its view. */
import { status, type ServiceError } from "@grpc/grpc-js";
import { isOfThisMachine, parseEndpoint, type Endpoint } from "../endpoint.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import type { ClientSecurity } from "../security.ts";
import { ExchangeClient } from "./client.ts";
import type { Header } from "../../exchange/messages.ts";
import type { VectorAbout } from "../../exchange/messages.ts";
import type { FetchRequest } from "../../exchange/messages.ts";
import type { Member } from "../../exchange/messages.ts";
import { sharedSize, type Vector } from "./parcel.ts";
import { SharedMemory } from "./shared-memory.ts";

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
  ): Promise<readonly Float32Array[]>;
  /** Keeps connections to these members only; a new view, so what was on its way is over. */
  keep(members: readonly Member[]): void;
  close(): void;
}

export interface WireOptions {
  /** Address of the coordinator, which does not tell it. */
  readonly coordinator: Endpoint;
  readonly security: (endpoint: Endpoint) => ClientSecurity;
  /** ms, see {@link ExchangeClient}. */
  readonly quiet: number;
  /** Members of this machine read vectors from memory. */
  readonly shared: boolean;
  readonly tell: (text: string) => void;
}

const SLOWER = "gradients go through gRPC within this machine too, which takes several times as long";

interface Link {
  readonly client: ExchangeClient;
  /** Resolves to true for a member on this machine; false where that is of no interest. */
  readonly near: false | Promise<boolean>;
  /** True once the member could not read this process' memory all the same. */
  refused: boolean;
}

/** One connection to each member, made when it is first needed. */
export function grpcWire({ coordinator, security, quiet, shared, tell }: WireOptions): Wire {
  const links = new Map<string, Link>();
  let memory: SharedMemory | undefined;
  let none = false;

  const linkTo = ({ address }: Member): Link => {
    const known = links.get(address);
    if (known) return known;
    const endpoint = address === "" ? coordinator : parseEndpoint("address", address, false);
    const client = new ExchangeClient(endpoint, security(endpoint), quiet);
    const link = { client, near: shared && isOfThisMachine(endpoint), refused: false };
    links.set(address, link);
    return link;
  };

  /** Room in memory for what goes to one member; undefined where it cannot be had. */
  async function laneTo(link: Link, vectors: readonly Vector[], signal: AbortSignal) {
    if (none || link.refused || !(await link.near) || signal.aborted) return undefined;
    try {
      memory ??= SharedMemory.open();
      return memory.lane(sharedSize(vectors));
    } catch (error) {
      if (!none) tell(`warning: no memory to share (${(error as Error).message}): ${SLOWER}`);
      none = true;
      return undefined;
    }
  }

  return {
    async deliver(to, header, vectors, signal) {
      // A promise also where an address is none.
      const link = linkTo(to);
      const lane = await laneTo(link, vectors, signal);
      try {
        await link.client.deliver(header, vectors, signal, lane);
        lane?.give();
      } catch (error) {
        const { code, details } = error as ServiceError;
        // Its room stays taken until the next view: who knows how far the member is with it.
        if (!lane || signal.aborted || code !== status.UNIMPLEMENTED) throw error;
        if (!link.refused) tell(`node ${to.rank} cannot read this one's memory (${sanitizeText(details)}): ${SLOWER}`);
        link.refused = true;
        await link.client.deliver(header, vectors, signal);
      }
    },
    fetch: async (from, ...rest) => linkTo(from).client.fetch(...rest),
    keep(members) {
      const wanted = new Set(members.map(({ address }) => address));
      for (const [address, { client }] of links) {
        if (wanted.has(address)) continue;
        client.close();
        links.delete(address);
      }
      // A member that was left out may not know it yet and still read: its mapping stays as it is.
      memory?.close();
      memory = undefined;
    },
    close() {
      this.keep([]);
    },
  };
}
