import type { Server } from "@grpc/grpc-js";
import type { Http2SecureServer, Http2Server } from "node:http2";

/**
 * The servers of HTTP/2 that a server of gRPC listens with, which it does not show.
 *
 * @param server Listens already.
 */
export function http2ServersOf(server: Server): (Http2Server | Http2SecureServer)[] {
  const { http2Servers } = server as unknown as { readonly http2Servers: ReadonlyMap<Http2Server, unknown> };
  return [...http2Servers.keys()];
}

/**
 * Lets so many bytes be on their way unread on each connection and stream; by default 65,535, which is all that a
 * connection moves in a round trip. grpc-js has an option for it that only its clients heed.
 *
 * @param server Listens already.
 */
export function openWindows(server: Server, window: number): void {
  for (const one of http2ServersOf(server)) {
    one.on("session", (session) => {
      session.setLocalWindowSize(window);
      session.settings({ initialWindowSize: window });
    });
  }
}
