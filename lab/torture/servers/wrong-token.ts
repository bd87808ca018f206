/** Calls with a token that is none: each is refused by name. */
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";

/** The token of the servers that are attacked. */
export const TOKEN = "0123456789abcdef0123456789abcdef";
/** Calls at once. */
const CALLS = 8;
const DEADLINE = 10_000;

/** What `authorization` may not be: cut, longer, of another case, empty, another scheme, far too long. */
const HEADERS = [
  undefined,
  "",
  "Bearer",
  `Bearer ${TOKEN.slice(1)}`,
  `Bearer ${TOKEN}0`,
  `Bearer ${TOKEN.toUpperCase()}`,
  TOKEN,
  `Basic ${Buffer.from(`user:${TOKEN}x`).toString("base64")}`,
  `Basic ${TOKEN}`,
  `Bearer ${"x".repeat(4000)}`,
];

/** A server as it is called. */
export interface Called {
  readonly port: number;
  /** Method of gRPC; absent: a page. */
  readonly method?: string | undefined;
}

/** The status of a call: of gRPC its name, of a page its number. */
async function call(client: Client | undefined, { port, method }: Called, header?: string): Promise<string> {
  if (client === undefined || method === undefined) {
    const headers: Record<string, string> = header === undefined ? {} : { authorization: header };
    const answer = await fetch(`http://127.0.0.1:${port}/api/runs`, { headers, signal: AbortSignal.timeout(DEADLINE) });
    await answer.arrayBuffer();
    return String(answer.status);
  }
  const metadata = new Metadata();
  if (header !== undefined) metadata.set("authorization", header);
  const same = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + DEADLINE };
  return new Promise((resolve) => {
    const reply = (error: ServiceError | null) => resolve(status[error?.code ?? status.OK]);
    client.makeUnaryRequest(method, same, same, Buffer.alloc(0), metadata, options, reply);
  });
}

/** Calls a server with each wrong token some times. @returns What was not refused. */
export async function callWithWrongTokens(called: Called, times: number): Promise<string | undefined> {
  const wanted = called.method === undefined ? "401" : "UNAUTHENTICATED";
  for (let i = 0; i < times; i++) {
    for (const header of HEADERS) {
      const client = called.method === undefined ? undefined : new Client(`127.0.0.1:${called.port}`, credentials.createInsecure()); // prettier-ignore
      try {
        const answers = await Promise.all(Array.from({ length: CALLS }, () => call(client, called, header)));
        const other = answers.find((answer) => answer !== wanted);
        if (other !== undefined) return `a call with "${header?.slice(0, 20)}" was answered by ${other}`;
      } finally {
        client?.close();
      }
    }
  }
  return undefined;
}
