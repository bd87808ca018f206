import type { Server } from "@grpc/grpc-js";
import type { ServerHttp2Session } from "node:http2";
import { http2ServersOf } from "./http2-servers.ts";

export interface SessionLimits {
  /** Milliseconds of silence after which a connection without calls is asked, and again for its answer. */
  readonly idle: number;
  /** The same for a connection with calls, whose client may be frozen for a while. */
  readonly busy: number;
  /** Connections on which nothing was ever called; beyond them the oldest ends. */
  readonly uncalled: number;
}

const PATIENCE: SessionLimits = { idle: 10_000, busy: 300_000, uncalled: 64 };

/** Asks a silent client for a sign of life, and ends its connection where none comes. */
function watch(session: ServerHttp2Session, { idle, busy }: SessionLimits): void {
  let asked = false;
  let calls = 0;
  const wait = () => void (session.destroyed || session.setTimeout(calls > 0 ? busy : idle));
  session.on("timeout", () => {
    if (asked || session.destroyed) return session.destroy();
    asked = true;
    const sent = session.ping((error) => (asked = error !== null));
    // A ping that is not even written leaves the timer as it is.
    if (sent) wait();
    else session.destroy();
  });
  session.on("stream", (stream) => {
    calls++;
    wait();
    stream.once("close", () => {
      calls--;
      wait();
    });
  });
  wait();
}

/** Ends the oldest of the connections on which nothing was ever called, where there are too many. */
function bound(uncalled: Set<ServerHttp2Session>, session: ServerHttp2Session, most: number): void {
  uncalled.add(session);
  for (const event of ["stream", "close"]) session.once(event, () => uncalled.delete(session));
  const [oldest] = uncalled;
  if (uncalled.size > most) oldest!.destroy();
}

/**
 * Ends the connections of a gRPC server whose clients are gone.
 *
 * After an error of the protocol Node keeps a session open, without an event, when its client has hung up: each costs a
 * file descriptor for good. Such a session answers no ping.
 *
 * @param server Listens already.
 */
export function endDeadSessions(server: Server, patience: SessionLimits = PATIENCE): void {
  const uncalled = new Set<ServerHttp2Session>();
  for (const one of http2ServersOf(server)) {
    one.on("session", (session) => {
      watch(session, patience);
      bound(uncalled, session, patience.uncalled);
    });
  }
}
