/** The web page of runs: a server that reads, and deletes records where it may. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { UsageError } from "../../base/errors.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import { endpointText, type Endpoint } from "../../grpc/endpoint.ts";
import { andMore } from "../../base/lists.ts";
import { occasionally } from "../../base/occasionally.ts";
import type { ServerSecurity } from "../../grpc/security.ts";
import { gate, type Gate } from "./access.ts";
import { bundlePage } from "./bundle.ts";
import { deletedRun, deleteRun } from "./deletion.ts";
import { FeedLimit } from "./feed-limit.ts";
import { postedToken } from "./posted-token.ts";
import { refusal, sendReply } from "./reply.ts";
import { answer } from "./routes.ts";
import type { WebSource } from "./source.ts";

export interface WebOptions {
  /** Named in errors, as `--monitor`. */
  readonly option: string;
  /** Port 0: any that is free. */
  readonly endpoint: Endpoint;
  readonly security: ServerSecurity;
  readonly source: WebSource;
  /** Answers `/metrics`; without one there is nothing there. */
  readonly metrics?: RequestListener | undefined;
  /** Metrics that may wait for one watcher, default as over gRPC. */
  readonly watchLimit?: number;
  readonly tell: (text: string) => void;
}

export interface WebServing {
  readonly endpoint: Endpoint;
  /** URL of the page. */
  readonly url: string;
  /** Waits until every answer has ended, at most `grace` ms, then ends them. Close the feed before. */
  close(grace: number): Promise<void>;
}

/** Options of a server, and what it counts. */
type Serving = WebOptions & { readonly feeds: FeedLimit };

function handle(options: Serving, pass: Gate, request: IncomingMessage, response: ServerResponse): void {
  const base = "http://page";
  if (!URL.canParse(request.url ?? "/", base)) return sendReply(response, refusal(400, "this is not an address"));
  const url = new URL(request.url ?? "/", base);
  if (request.method === "POST" && url.pathname === "/" && options.security.token !== undefined) {
    postedToken(request).then(
      (token) => sendReply(response, pass(request, url, token) ?? refusal(303, "welcome", { Location: "./" })),
      (error: Error) => sendReply(response, refusal(400, error.message, { Connection: "close" })),
    );
    return;
  }
  const refused = pass(request, url);
  if (refused) return sendReply(response, refused);
  try {
    const deleted = request.method === "POST" ? deletedRun(url.pathname) : undefined;
    if (deleted !== undefined) {
      const answered = deleteRun(options.source, deleted, request, options);
      if (answered.status === 200) options.tell(`run ${sanitizeText(deleted)} was deleted from the page`);
      return sendReply(response, answered);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return sendReply(response, refusal(405, "this page is only for reading", { Allow: "GET, HEAD" }));
    }
    if (url.pathname === "/metrics" && options.metrics) return options.metrics(request, response);
    answer(options.source, url, response, { limit: options.watchLimit, feeds: options.feeds });
  } catch (error) {
    const asked = error instanceof RangeError || error instanceof URIError;
    const text = error instanceof Error ? error.message : String(error);
    if (!asked) options.tell(`warning: ${sanitizeText(`${request.url}: ${text}`)}`);
    if (response.headersSent) response.destroy();
    else sendReply(response, refusal(asked ? 400 : 500, asked ? text : "this could not be read"));
  }
}

function listen(server: Server, { option, endpoint }: WebOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new UsageError(
          `${option} ${endpointText(endpoint)}: cannot listen there: ${error.message}`,
          "use an address of this machine and a port that is free (port 0 takes any)",
          { cause: error },
        ),
      ),
    );
    server.listen({ host: endpoint.host, port: endpoint.port }, () => resolve((server.address() as AddressInfo).port));
  });
}

/** @throws UsageError when certificate and key are no PEM or do not fit. */
function serverOf({ option, security: { tls } }: WebOptions): Server {
  if (!tls) return createServer();
  try {
    return createTlsServer({ cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) });
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`, "give a certificate and its key, both PEM", {
      cause: error,
    });
  }
}

/** Starts the server. @throws UsageError when it cannot listen there. */
export async function serveWeb(options: WebOptions): Promise<WebServing> {
  const { security, tell } = options;
  // A page that cannot be put together is told now, not to the first visitor.
  bundlePage();
  const server = serverOf(options);
  const port = await listen(server, options);
  const endpoint = { ...options.endpoint, port };
  const refused = occasionally((more, peer: string, path: string) =>
    tell(`${peer} was refused ${path}: it has no valid token${andMore(more, "requests")}`),
  );
  const serving = { ...options, feeds: new FeedLimit() };
  const pass = gate(endpoint, security, refused);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => handle(serving, pass, request, response)); // prettier-ignore
  return {
    endpoint,
    url: `${security.tls ? "https" : "http"}://${endpointText(endpoint)}/`,
    async close(grace) {
      const force = setTimeout(() => server.closeAllConnections(), grace);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(force);
    },
  };
}
