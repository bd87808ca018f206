/** Deletes the record of a run: the one thing that the page changes. */
import type { IncomingMessage } from "node:http";
import { isLoopback, type Endpoint } from "../../grpc/endpoint.ts";
import type { ServerSecurity } from "../../grpc/security.ts";
import { json, refusal, type Reply } from "./reply.ts";
import type { WebSource } from "./source.ts";

/** `/api/runs/<run>/delete`. */
const PATH = /^\/api\/runs\/([^/]+)\/delete$/;

/** The run that an address deletes; undefined for another address. @throws URIError for one that is not understood. */
export function deletedRun(pathname: string): string | undefined {
  const [, run] = PATH.exec(pathname) ?? [];
  return run === undefined ? undefined : decodeURIComponent(run);
}

/** The name of a host, without its port. */
const nameOf = (host: string) => host.replace(/:\d+$/, "").toLowerCase();

/**
 * True for a request of the page's own program: another site's needs a permission for the header, which nobody gives, and
 * browsers say from where it comes.
 */
function isOwn({ headers }: IncomingMessage, hosts: readonly string[]): boolean {
  if (headers["x-scorestream"] !== "delete") return false;
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin, host = "" } = headers;
  if (origin === undefined) return true;
  return URL.canParse(origin) && (new URL(origin).host === host || hosts.includes(nameOf(new URL(origin).host)));
}

/** Deletes, or says why not. */
export function deleteRun(
  { kept }: WebSource,
  run: string,
  request: IncomingMessage,
  { endpoint, security }: { readonly endpoint: Endpoint; readonly security: ServerSecurity },
): Reply {
  if (!isOwn(request, security.hosts ?? [])) return refusal(403, "only the page itself deletes runs");
  if (security.token === undefined && !isLoopback(endpoint)) {
    return refusal(403, "deleting from other machines needs a token: start the monitor with --token-file");
  }
  const record = kept?.records().find(({ runId }) => runId === run);
  if (!record) return refusal(409, "this run is only read here: delete its folder");
  if (record.live) return refusal(409, "this run is live");
  kept!.remove(run);
  return json({ deleted: run, bytes: record.bytes });
}
