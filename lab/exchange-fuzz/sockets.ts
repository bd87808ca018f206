/** Attacks below gRPC: bytes and frames that no client of HTTP/2 would send. */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "./random.ts";
import type { Attack, Target } from "./target.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const TYPE = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, push: 5, ping: 6, goAway: 7, window: 8, continuation: 9 } as const; // prettier-ignore
const EMPTY_SETTINGS = frame(TYPE.settings, 0, 0, Buffer.alloc(0));

function frame(type: number, flags: number, stream: number, payload: Uint8Array, length = payload.length): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length & 0xffffff, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** Sends, waits, and lets go of the connection in one way or another. */
async function say({ host, port }: Target, parts: Iterable<Uint8Array | string>, held: number, random: Random) {
  const socket: Socket = connect({ host, port });
  let ended = "held";
  socket.on("close", () => (ended = "closed"));
  socket.on("error", (error: NodeJS.ErrnoException) => (ended = error.code ?? "error"));
  socket.resume();
  for (const part of parts) {
    if (!socket.writable) break;
    socket.write(part);
  }
  await Promise.race([delay(held), new Promise((resolve) => socket.once("close", resolve))]);
  const how = ended;
  if (random.real() < 0.5) socket.destroy();
  else socket.resetAndDestroy();
  return how;
}

/** A header block in literals without index: what a client sends for a call of the service. */
function headers(path: string): Buffer {
  const literal = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
  const fields = { ":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "content-type": "application/grpc", te: "trailers" }; // prettier-ignore
  return Buffer.concat(Object.entries(fields).map(([name, value]) => literal(name, value)));
}

const DELIVER = headers("/scorestream.v1.Exchange/Deliver");

function* frames(random: Random): Iterable<Buffer> {
  const stream = () => random.of([0, 1, 1, 3, 5, 2, 0x7fffffff, random.below(2 ** 31)]);
  for (let n = 1 + random.below(40); n > 0; n--) {
    const payload = random.bytes(random.of([0, 1, 4, 5, 6, 8, 9, random.below(200)]));
    const length = random.real() < 0.8 ? payload.length : random.below(2 ** 24);
    yield frame(random.below(random.real() < 0.9 ? 10 : 256), random.below(256), stream(), payload, length);
  }
}

/** Calls begun and reset at once ("rapid reset"). */
function* resets(random: Random): Iterable<Buffer> {
  for (let stream = 1, n = 20 + random.below(300); n > 0; n--, stream += 2) {
    yield frame(TYPE.headers, 4, stream, DELIVER);
    yield frame(TYPE.reset, 0, stream, Buffer.from([0, 0, 0, 8]));
  }
}

/** One block of headers that never ends. */
function* continuations(random: Random): Iterable<Buffer> {
  yield frame(TYPE.headers, 0, 1, DELIVER);
  for (let n = 20 + random.below(200); n > 0; n--) yield frame(TYPE.continuation, 0, 1, headers(`/${"x".repeat(100)}`));
}

/** Data beyond what the window allows, or for a call that is none. */
function* floods(random: Random): Iterable<Buffer> {
  if (random.real() < 0.7) yield frame(TYPE.headers, 4, 1, DELIVER);
  const message = Buffer.concat([Buffer.from([0, 0, 16, 0, 0]), random.bytes(256), Buffer.alloc(16_000)]);
  for (let n = random.below(500); n > 0; n--) yield frame(TYPE.data, 0, 1, message.subarray(0, 16_384));
}

function* pings(random: Random): Iterable<Buffer> {
  for (let n = 500 + random.below(2000); n > 0; n--) yield frame(TYPE.ping, 0, 0, Buffer.alloc(8));
}

function* settings(random: Random): Iterable<Buffer> {
  for (let n = 1 + random.below(300); n > 0; n--) {
    const entries = Buffer.alloc(6 * random.below(6));
    for (let at = 0; at < entries.length; at += 6) {
      entries.writeUInt16BE(random.below(9), at);
      entries.writeUInt32BE(random.of([0, 1, 16_384, 2 ** 31 - 1, 2 ** 32 - 1]), at + 2);
    }
    yield frame(TYPE.settings, 0, 0, entries);
  }
}

const spoken = (name: string, parts: (random: Random) => Iterable<Buffer>): Attack => ({
  name,
  run: (target, random) => say(target, [PREFACE, EMPTY_SETTINGS, ...parts(random)], random.below(300), random),
});

export const socketAttacks: readonly Attack[] = [
  { name: "bytes", run: (target, random) => say(target, [random.bytes(1 + random.below(4000))], random.below(200), random) }, // prettier-ignore
  { name: "half-open", run: (target, random) => say(target, [PREFACE.slice(0, random.below(25))], 2000, random) },
  { name: "HTTP/1", run: (target, random) => say(target, ["GET / HTTP/1.1\r\nhost: x\r\n\r\n"], 100, random) },
  spoken("frames", frames),
  spoken("rapid resets", resets),
  spoken("endless headers", continuations),
  spoken("flood of data", floods),
  spoken("pings", pings),
  spoken("settings", settings),
];
