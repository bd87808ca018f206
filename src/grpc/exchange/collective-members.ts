/** The nodes of a view as TensorFlow's collectives know them: addresses, and from where each may be reached. */
import { lookup } from "node:dns/promises";
import { isIPv4, isIPv6 } from "node:net";
import { openCollectives, type Collectives } from "../../engine/collectives.ts";
import { RunError } from "../../base/errors.ts";
import { endpointText, isLoopback, parseEndpoint, type Endpoint } from "../endpoint.ts";
import type { FreePort } from "../free-port.ts";
import type { GroupView } from "../../exchange/messages.ts";

async function addressesOf(host: string): Promise<string[]> {
  if (isIPv4(host) || isIPv6(host)) return [host];
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

export interface MembersOptions {
  readonly view: GroupView;
  /** Id of this node. */
  readonly id: number;
  /** Address of the coordinator as this node reaches it; the coordinator does not tell it. */
  readonly coordinator: Endpoint;
  /** Port of this node. */
  readonly port: FreePort;
  readonly tell: (text: string) => void;
}

/** Starts TensorFlow's server for the members of a view. @throws RunError when it cannot listen, or not be guarded. */
export async function openFor({ view, id, coordinator, port, tell }: MembersOptions): Promise<Collectives> {
  const endpoints = view.members.map(({ address, collectivesPort }) => ({
    host: address === "" ? coordinator.host : parseEndpoint("address", address, false).host,
    port: collectivesPort,
  }));
  const others = endpoints.filter((endpoint, i) => view.members[i]!.id !== id && !isLoopback(endpoint));
  const hosts = [...new Set(others.map(({ host }) => host))];
  const addresses = (await Promise.all(hosts.map(addressesOf))).flat();
  // No connection may use a proxy of the environment, as in our own connections.
  process.env["no_grpc_proxy"] = endpoints.map(({ host }) => host).join();
  await port.release();
  try {
    const collectives = await openCollectives({
      members: endpoints.map(endpointText),
      index: view.members.findIndex((member) => member.id === id),
      port: port.port,
      allowed: addresses,
    });
    const from = hosts.length === 0 ? "this machine" : `this machine and ${hosts.join(", ")}`;
    tell(
      `warning: exchange.engine=tensorflow: TensorFlow's server listens at port ${port.port}, unencrypted, and asks ` +
        `nobody for a token: whoever reaches it from ${from} can run anything in this process; others are not let in`,
    );
    return collectives;
  } catch (error) {
    throw new RunError(
      `exchange.engine=tensorflow: TensorFlow's server cannot serve at port ${port.port}: ${(error as Error).message}\n` +
        `  remedy: start the nodes again, or --set exchange.engine=grpc`,
      { cause: error },
    );
  }
}
