/**
 * Controls access to the page: open to anyone who reaches it, or only to those who have shown the token once and got a
 * cookie.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isLoopback, parseEndpoint, type Endpoint } from "../../grpc/endpoint.ts";
import type { ServerSecurity } from "../../grpc/security.ts";
import { refusal, reply, type Reply } from "./reply.ts";

const digest = (text: string) => createHash("sha256").update(text).digest();
// Digests: of one length, so that the time tells nothing.
const same = (a: string, b: string) => timingSafeEqual(digest(a), digest(b));

/** The form is posted: what stands in an address is kept in histories and logs. */
const form = (said = "") => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>ScoreStream</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="icon.svg"><link rel="stylesheet" href="page.css"></head>
<body class="ask"><main><h1>ScoreStream</h1><form method="post" action="./"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Enter</button></form>${said && `<p role="alert">${said}</p>`}</main></body></html>`;

/** The value of a cookie. */
function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? "").split(";").map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** True for another host name: its page could make the name resolve to this machine, and read what is only meant for it. */
function isForeign({ headers: { host = "" } }: IncomingMessage, hosts: readonly string[]): boolean {
  try {
    if (hosts.includes(host.replace(/:\d+$/, "").toLowerCase())) return false;
    return !isLoopback(parseEndpoint("Host", /:\d+$/.test(host) ? host : `${host}:80`, false));
  } catch {
    return true;
  }
}

const ELSEWHERE =
  "this server answers to the names of its own machine only; --allow-host NAME adds one, such as a proxy's";

/** True where the browser's connection is encrypted, by this server or by a proxy before it. */
const isEncrypted = ({ headers }: IncomingMessage, tls: boolean) =>
  tls || String(headers["x-forwarded-proto"]).split(",")[0]!.trim() === "https";

/** A path of the page behind a proxy, in characters that an attribute of a cookie may have. */
const PREFIX = /^(\/[\w.~-]+)+$/;

/** The folder of addresses for which the cookie is meant: other sites of a proxy's name do not get it. */
function pathOf({ headers }: IncomingMessage): string {
  const prefix = String(headers["x-forwarded-prefix"] ?? "").replace(/\/$/, "");
  return PREFIX.test(prefix) ? prefix : "/";
}

const WRONG = "This is not the token.";
const IN_ADDRESS = "The token is not taken from an address, which histories and logs keep. Enter it here.";

/** Undefined for a request that may pass; else the answer it gets. `posted` is the token of the form. */
export type Gate = (request: IncomingMessage, url: URL, posted?: string) => Reply | undefined;

/**
 * The gate of a server at `endpoint`.
 *
 * With a token: `Authorization: Bearer`, or once by the form, which sets a cookie made from the token.
 * Without one, on loopback: only requests to a loopback name or one of `hosts`, so that no web page can reach it by a
 * name of its own (DNS rebinding).
 *
 * @param onRefused Told the address of who had no token, and the path.
 */
export function gate(
  endpoint: Endpoint,
  { token, tls, hosts = [] }: ServerSecurity,
  onRefused: (peer: string, path: string) => void,
): Gate {
  if (token === undefined) {
    if (!isLoopback(endpoint)) return () => undefined;
    return (request) => (isForeign(request, hosts) ? refusal(421, ELSEWHERE) : undefined);
  }
  // Cookies do not tell ports apart: the name does.
  const name = `scorestream-${endpoint.port}`;
  const value = digest(`scorestream page ${token}`).toString("hex");
  const cookie = `${name}=${value}; HttpOnly; SameSite=Strict`;
  return (request, { pathname, searchParams }, posted) => {
    if (pathname === "/" && posted !== undefined && same(posted, token)) {
      const secure = isEncrypted(request, tls !== undefined) ? "; Secure" : "";
      return refusal(303, "welcome", { Location: "./", "Set-Cookie": `${cookie}; Path=${pathOf(request)}${secure}` });
    }
    if (same(cookieOf(request, name) ?? "", value)) return undefined;
    if (same(request.headers.authorization ?? "", `Bearer ${token}`)) return undefined;
    // The form's own looks.
    if (pathname === "/page.css" || pathname === "/icon.svg") return undefined;
    if (posted !== undefined || pathname !== "/") onRefused(request.socket.remoteAddress ?? "somebody", pathname);
    const said = posted !== undefined ? WRONG : searchParams.has("token") ? IN_ADDRESS : "";
    if (pathname === "/") return reply("html", form(said), { status: 401 });
    return refusal(401, "a token is needed: enter it at /, or send authorization: Bearer TOKEN");
  };
}
