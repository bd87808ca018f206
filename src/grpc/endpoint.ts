/** Addresses of the command line. */
import { lookup } from "node:dns/promises";
import { isIPv4, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { UsageError } from "../base/errors.ts";

export interface Endpoint {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/;

/**
 * Reads HOST:PORT; an IPv6 address stands in brackets.
 *
 * @param option Named in the error, as `--metrics-push`.
 * @param anyPort Port 0, which lets the system choose, is allowed.
 * @throws UsageError for anything else.
 */
export function parseEndpoint(option: string, text: string, anyPort: boolean): Endpoint {
  const [, ipv6, name, digits] = FORM.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  const remedy = `give HOST:PORT, for example ${option} 127.0.0.1:50051`;
  if (host === undefined || (ipv6 !== undefined && !isIPv6(ipv6))) {
    throw new UsageError(`${option} ${text}: expected HOST:PORT`, remedy);
  }
  if (port > 65535 || (port === 0 && !anyPort))
    throw new UsageError(`${option} ${text}: the port is out of range`, remedy);
  return { host, port };
}

/** HOST:PORT, as {@link parseEndpoint} reads it. */
export const endpointText = ({ host, port }: Endpoint): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;

/** True when the written host reaches this machine only; no name is looked up. */
export function isLoopback({ host }: Endpoint): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

const interfaces = () => Object.values(networkInterfaces()).flatMap((all) => all ?? []);
/** None for a name that cannot be resolved. */
const addressesOf = async ({ host }: Endpoint): Promise<string[]> =>
  (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address);

/** True when it is an address of this machine; false for names that cannot be resolved. */
export async function isOfThisMachine(endpoint: Endpoint): Promise<boolean> {
  if (isLoopback(endpoint)) return true;
  const own = interfaces();
  const isOwn = (host: string) => isLoopback({ ...endpoint, host }) || own.some(({ address }) => address === host);
  return (await addressesOf(endpoint)).some(isOwn);
}

/** The host that means all addresses of this machine: those of IPv6 too, where it has any. */
export const everyHost = (): string => (interfaces().some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0");

/**
 * Chooses where to listen for who is to come to `endpoint`. A hosts file may give this machine's name a loopback
 * address (127.0.1.1), at which no other machine could come: then it is all addresses.
 */
export async function listenFor(endpoint: Endpoint, resolve = addressesOf): Promise<Endpoint> {
  const { host } = endpoint;
  if (isIPv4(host) || isIPv6(host) || isLoopback(endpoint)) return endpoint;
  const found = await resolve(endpoint);
  const local = found.length > 0 && found.every((address) => isLoopback({ ...endpoint, host: address }));
  return local ? { ...endpoint, host: everyHost() } : endpoint;
}
