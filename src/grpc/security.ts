/** Decides who may connect: anyone on loopback; elsewhere only with TLS and a token, or an explicit --insecure. */
import { UsageError } from "../base/errors.ts";
import { endpointText, isLoopback, type Endpoint } from "./endpoint.ts";

/** Secrets given on the command line, files read. */
export interface Secrets {
  /** PEM. */
  readonly tlsCert?: Uint8Array;
  /** PEM. */
  readonly tlsKey?: Uint8Array;
  /** PEM; certificates that a monitor's certificate may be signed by, in place of the system's. */
  readonly tlsCa?: Uint8Array;
  readonly token?: string;
  /** The token comes from --token-file, and is thus asked for on loopback too. */
  readonly tokenFromFile?: boolean;
  readonly insecure?: boolean;
  /** Names of `--allow-host`. */
  readonly hosts?: readonly string[];
}

export interface ServerSecurity {
  /** Absent: the connection is not encrypted. */
  readonly tls?: {
    readonly cert: Uint8Array;
    readonly key: Uint8Array;
    /** PEM; clients show a certificate that one of these has signed. Absent: they need none. */
    readonly clientCa?: Uint8Array;
  };
  /** Absent: nobody is asked for one. */
  readonly token?: string;
  /** Host names under which a page on loopback is reached, as through a proxy. */
  readonly hosts?: readonly string[];
}

export interface ClientSecurity {
  /** Absent: the connection is not encrypted. An absent `ca` means the system's; `own` is shown to who asks for it. */
  readonly tls?: {
    readonly ca?: Uint8Array;
    readonly own?: { readonly cert: Uint8Array; readonly key: Uint8Array };
  };
  readonly token?: string;
}

/** @throws UsageError when half of a certificate is given. */
function certificate({ tlsCert, tlsKey }: Secrets): ServerSecurity["tls"] {
  if (tlsCert && tlsKey) return { cert: tlsCert, key: tlsKey };
  if (!tlsCert && !tlsKey) return undefined;
  throw new UsageError("--tls-cert and --tls-key need each other", "give both files, or neither");
}

/**
 * Determines the credentials that a server at `endpoint` requires of its clients.
 *
 * @param option Option to name in the error, such as `--metrics-listen`.
 * @throws UsageError when strangers could connect.
 */
export function serverSecurity(option: string, endpoint: Endpoint, secrets: Secrets): ServerSecurity {
  const tls = certificate(secrets);
  const loopback = isLoopback(endpoint);
  const { token, tokenFromFile, insecure, hosts } = secrets;
  if (!loopback && !insecure && !(tls && token)) {
    const missing = [...(tls ? [] : ["a certificate"]), ...(token ? [] : ["a token"])].join(" and ");
    throw new UsageError(
      `${option} ${endpointText(endpoint)} can be reached from other machines and needs ${missing}`,
      "give --tls-cert FILE --tls-key FILE --token-file FILE, or listen on 127.0.0.1, or admit everyone with --insecure",
    );
  }
  return { ...(tls && { tls }), ...(token && (!loopback || tokenFromFile) && { token }), ...(hosts && { hosts }) };
}

/**
 * Determines how a client connects to `endpoint`.
 *
 * @throws UsageError when metrics would be sent unencrypted or without a token to another machine.
 */
export function clientSecurity(option: string, endpoint: Endpoint, secrets: Secrets): ClientSecurity {
  const { tlsCa: ca, token, insecure } = secrets;
  const encrypted = ca !== undefined || !(isLoopback(endpoint) || insecure);
  if (!isLoopback(endpoint) && !insecure && !token) {
    throw new UsageError(
      `${option} ${endpointText(endpoint)} is on another machine, which needs a token`,
      "give --token-file FILE or SCORESTREAM_TOKEN, and --tls-ca FILE for a certificate authority of your own; or --insecure",
    );
  }
  return { ...(encrypted && { tls: ca ? { ca } : {} }), ...(token && { token }) };
}
