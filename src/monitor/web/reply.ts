/** Answers in one piece. */
import type { ServerResponse } from "node:http";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Allows nothing from elsewhere, no scripts in the text, no frame around it. */
const CONTENT = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src"].map((kind) => `${kind} 'self'`),
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Headers of every answer; `Cache-Control` too, since all of it changes or is private. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": CONTENT,
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

const TYPES = {
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  json: "application/json; charset=utf-8",
  events: "text/event-stream; charset=utf-8",
};

/** An answer of a known kind. */
export const reply = (
  kind: keyof typeof TYPES,
  body: string | Uint8Array,
  { status = 200, headers = {} }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Reply => ({ status, headers: { "Content-Type": TYPES[kind], ...headers }, body });

export const json = (value: unknown): Reply => reply("json", `${JSON.stringify(value)}\n`);

/** An answer that only says why there is none. */
export const refusal = (status: number, text: string, headers?: Readonly<Record<string, string>>): Reply =>
  reply("text", `${text}\n`, { status, headers: headers ?? {} });

/** Writes an answer; for HEAD, Node leaves the body out. */
export function sendReply(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, { ...SECURITY_HEADERS, ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
