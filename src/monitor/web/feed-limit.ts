/** Bounds the feeds that are open at once: each reads the whole past, and holds what its reader does not take. */
import type { IncomingMessage } from "node:http";

/** Feeds of one client; a browser needs one for all its tabs. */
const OF_ONE = 16;
const OF_ALL = 256;

/** The address that a request came from; a proxy adds the one that it knows at the end of its header. */
function clientOf({ socket, headers }: IncomingMessage): string {
  const known = String(headers["x-forwarded-for"] ?? "").split(",").at(-1)!.trim(); // prettier-ignore
  return `${socket.remoteAddress ?? ""} ${known}`;
}

export class FeedLimit {
  readonly #open = new Map<string, number>();
  #all = 0;

  /** Counts a feed until `close` of its response. @returns Why there is no room for it; undefined when there is. */
  take(request: IncomingMessage, onClosed: (done: () => void) => void): string | undefined {
    const client = clientOf(request);
    const count = this.#open.get(client) ?? 0;
    if (count >= OF_ONE) return `${OF_ONE} feeds of this client are open: close a page or a reader`;
    if (this.#all >= OF_ALL) return `${OF_ALL} feeds are open: try again later`;
    this.#open.set(client, count + 1);
    this.#all++;
    onClosed(() => {
      const left = this.#open.get(client)! - 1;
      if (left > 0) this.#open.set(client, left);
      else this.#open.delete(client);
      this.#all--;
    });
    return undefined;
  }
}
