/** The address of a collector on the command line. */
import { isIPv6 } from "node:net";
import { UsageError } from "../base/errors.ts";
import { isLoopback, type Endpoint } from "../grpc/endpoint.ts";
import type { Secrets } from "../grpc/security.ts";
import type { OtlpTarget } from "../monitor/otlp/otlp-exporter.ts";

const FORM = /^(https?):\/\/(?:\[([^\]]+)\]|([^:[\]\s/?#@]+))(?::(\d{1,5}))?\/?$/i;
/** OTLP's own over gRPC. */
const PORT = "4317";

/**
 * Reads http://HOST[:PORT] or https://HOST[:PORT].
 *
 * @throws UsageError for anything else, and when metrics would go to another machine unencrypted.
 */
export function parseOtlp(text: string, { tlsCa: ca, insecure }: Secrets): OtlpTarget {
  const [, scheme, ipv6, name, digits = PORT] = FORM.exec(text) ?? [];
  const host = ipv6 ?? name;
  const endpoint: Endpoint = { host: host ?? "", port: Number(digits) };
  if (!host || (ipv6 && !isIPv6(ipv6)) || endpoint.port < 1 || endpoint.port > 65535) {
    throw new UsageError(
      `--otlp ${text}: not the address of a collector`,
      "give http://HOST:PORT or https://HOST:PORT, for example --otlp http://127.0.0.1:4317",
    );
  }
  if (scheme!.toLowerCase() === "https") {
    return { endpoint, security: { tls: ca ? { ca } : {} } };
  }
  if (!isLoopback(endpoint) && !insecure) {
    throw new UsageError(
      `--otlp ${text} is on another machine, and http is not encrypted`,
      "give https://, and --tls-ca FILE for a certificate authority of your own; or --insecure",
    );
  }
  return { endpoint, security: {} };
}
