/** Clients whose TLS handshake fails: gRPC never hears of them. */
import type { Server } from "@grpc/grpc-js";
import type { Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { http2ServersOf } from "./http2-servers.ts";

/** Finds the address of the socket beneath; Node keeps it once it was asked for. */
function peerOf(socket: TLSSocket): string {
  const { remoteAddress, remotePort } = socket;
  const below = (socket as { _parent?: Socket | null })._parent;
  const [address, port] = remoteAddress ? [remoteAddress, remotePort] : [below?.remoteAddress, below?.remotePort];
  return address === undefined ? "a client" : `${address}:${port}`;
}

/** Undefined for who only opened a connection and let go of it, as probes of a port do. */
function reasonOf(
  error: NodeJS.ErrnoException & { readonly reason?: string },
  { authorizationError }: TLSSocket,
): string | undefined {
  if (error.code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return "it showed no certificate";
  if (authorizationError) return `its certificate is not accepted (${String(authorizationError)})`;
  return error.code === "ECONNRESET" ? undefined : (error.reason ?? error.message);
}

/** Tells of them. @param server Listens already. */
export function onTlsRefused(server: Server, refused: (peer: string, why: string) => void): void {
  for (const one of http2ServersOf(server) as Http2SecureServer[]) {
    one.on("connection", (socket: Socket) => void [socket.remoteAddress, socket.remotePort]);
    one.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      const why = reasonOf(error, socket);
      if (why !== undefined) refused(peerOf(socket), why);
    });
  }
}
