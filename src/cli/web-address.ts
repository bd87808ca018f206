/** Addresses of web services on the command line. */
import { UsageError } from "../base/errors.ts";
import { isLoopback } from "../grpc/endpoint.ts";

/** @throws UsageError for what is no http(s) URL, and when something would go to another machine unencrypted. */
export function webAddress(option: string, text: string, insecure: boolean | undefined, example: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${option} ${text}: not a URL`, `give http://... or https://..., for example ${example}`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "http:" && !isLoopback({ host, port: 80 }) && !insecure) {
    throw new UsageError(`${option} ${url.host} is on another machine, and http is not encrypted`, "give https://, or --insecure"); // prettier-ignore
  }
  return url.href;
}
