/** A port that is kept until a server which cannot choose one itself is to listen there. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

export interface FreePort {
  readonly port: number;
  /** Lets go of it. */
  release(): Promise<void>;
}

export async function freePort(): Promise<FreePort> {
  // Tried at all addresses, since the server will listen at all.
  const server = createServer((socket) => socket.destroy()).listen(0);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async release() {
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}
