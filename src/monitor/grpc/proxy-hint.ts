/** Answers that come from a proxy and not from the monitor, and what to set there. */
const HINTS: readonly (readonly [answer: RegExp, remedy: string])[] = [
  [/HTTP status code 413/, "a proxy refuses the size of a call: in nginx set client_max_body_size 1m or more"],
  [/HTTP status code 40[45]/, "a proxy leads the call elsewhere: in nginx set grpc_pass for /scorestream.v1.Monitor/"],
  [/HTTP status code 50[23]/, "a proxy does not reach the monitor: give it the address of --listen"],
  [/HTTP status code 504/, "a proxy ends calls too early: in nginx set grpc_read_timeout to 60s or more"],
  [/Protocol error/, "no HTTP/2 is spoken there: in nginx set http2 for the server, and grpc_pass"],
];

/** The remedy for an answer that only a proxy gives, as an addition to a message; else nothing. */
export function proxyHint(details: string): string {
  const found = HINTS.find(([answer]) => answer.test(details));
  return found ? `; ${found[1]}` : "";
}
