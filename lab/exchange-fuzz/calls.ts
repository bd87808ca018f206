/** Attacks at the level of gRPC: any bytes in the body of a call. */
import type { IncomingHttpHeaders } from "node:http";
import { connect, type ClientHttp2Stream } from "node:http2";
import { gzipSync } from "node:zlib";
import { setTimeout as delay } from "node:timers/promises";
import { crc32 } from "../../src/base/crc.ts";
import { exchangeService } from "../../src/grpc/exchange/definition.ts"; // prettier-ignore
import type { ParcelMessage } from "../../src/exchange/messages.ts";
import type { Header } from "../../src/exchange/messages.ts";
import type { MemberMessage } from "../../src/exchange/messages.ts";
import { parcel } from "../../src/grpc/exchange/parcel.ts";
import { vectorsOf } from "../../src/grpc/exchange/shares-of-view.ts";
import { mutated, type Random } from "./random.ts";
import { helloTo, type Attack, type Target } from "./target.ts";

const SERVICE = "/scorestream.v1.Exchange";
const PATHS = [`${SERVICE}/Attend`, `${SERVICE}/Deliver`, `${SERVICE}/Fetch`, "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/x/Y", "/"]; // prettier-ignore

/** A message as it stands in the body. */
export function framed(message: Uint8Array, length = message.length, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

/** Makes a call with this body. @param ends Whether it says that it ends. @returns The status it ended with. */
async function call(
  { host, port }: Target,
  path: string,
  body: readonly Uint8Array[],
  ends: boolean,
  encoding = "identity",
) {
  // prettier-ignore
  const session = connect(`http://${host}:${port}`);
  session.on("error", () => {});
  try {
    const request = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", "grpc-encoding": encoding }; // prettier-ignore
    const stream: ClientHttp2Stream = session.request(request);
    const status = new Promise<string>((resolve) => {
      stream.on(
        "response",
        (headers: IncomingHttpHeaders) =>
          headers["grpc-status"] !== undefined && resolve(String(headers["grpc-status"])),
      );
      stream.on("trailers", (headers: IncomingHttpHeaders) => resolve(String(headers["grpc-status"])));
      stream.on("error", () => resolve("reset"));
      stream.on("close", () => resolve("closed"));
    });
    stream.resume();
    for (const part of body) if (stream.writable) stream.write(part);
    if (ends) stream.end();
    const end = await Promise.race([status, delay(300, "open")]);
    return end;
  } finally {
    session.destroy();
  }
}

const encode = (message: object) => exchangeService.Deliver.requestSerialize(message as ParcelMessage);
const encodeMember = (message: MemberMessage) => exchangeService.Attend.requestSerialize(message);

/** Makes a parcel that a member could send now, with its last part broken, so that it is never taken as a whole. */
async function brokenParcel({ seen, run }: Target, random: Random): Promise<Buffer[]> {
  const { below, of } = random;
  const members = [1, 2].map((id) => ({ id, rank: id - 1, address: "", collectivesPort: 0 }));
  const view = { ...seen, members, need: "NOTHING", source: 0, entering: false, hash: "" } as const;
  const phase = of(["REDUCE", "REDUCE", "GATHER", "FETCHED"] as const);
  const from = of([1, 2, 2, 2, 3, 77]);
  const about = vectorsOf(view, from === 1 ? 1 : 2, from === 1 ? 2 : 1, phase === "FETCHED" ? "REDUCE" : phase, run);
  const damage = of(["end", "NaN", "crc", "arrow", "length", "name", "offset", "large"] as const);
  const header: Header = {
    runId: random.real() < 0.9 ? seen.runId : "another",
    view: Math.max(0, seen.view + of([0, 0, 0, 0, -1, 1, 2 ** 40])),
    step: Math.max(0, seen.step + of([0, 0, 1, 2, 5, 20, -1, 2 ** 45])),
    ...{ from, phase, vectors: [] },
  };
  const vectors = about.map(({ name, length, bfloat16 }, i) => {
    const last = i === about.length - 1;
    const values = new Float32Array(last && damage === "length" ? below(2 * length) : length);
    if (last && damage === "NaN") values.fill(of([NaN, Infinity, -Infinity]), below(length));
    return { name: last && damage === "name" ? of(["", "sum/9/9", "x".repeat(1000)]) : name, values, bfloat16 };
  });
  const messages: Buffer[] = [];
  const { requestSerialize, requestDeserialize } = exchangeService.Deliver;
  for await (const message of parcel(header, vectors)) messages.push(Buffer.from(requestSerialize(message as ParcelMessage))); // prettier-ignore
  const { chunk } = requestDeserialize(messages.at(-1)!);
  const replaced = (over: object) => void messages.splice(-1, 1, encode({ chunk: { ...chunk!, ...over } }));
  if (damage === "end") messages.splice(below(messages.length));
  if (chunk && damage === "crc") replaced({ crc32: (chunk.crc32 ^ (1 << below(31))) >>> 0 });
  if (chunk && damage === "offset") replaced({ offset: of([1, 2 ** 40]), vector: of([0, 9, 2 ** 31]) });
  if (chunk && damage === "arrow") {
    const arrow = chunk.arrow.subarray(0, below(chunk.arrow.length));
    replaced({ arrow, crc32: crc32(arrow) });
  }
  if (chunk && damage === "large") replaced({ arrow: Buffer.alloc(2 ** 21 + below(2 ** 20)) });
  return messages.map((message) => framed(message));
}

const noise = (random: Random) => random.bytes(random.below(3000));
const BOMB = gzipSync(Buffer.alloc(64 * 2 ** 20));

export const callAttacks: readonly Attack[] = [
  { name: "noise in a call", run: (target, random) => call(target, random.of(PATHS), [framed(noise(random))], random.real() < 0.7) }, // prettier-ignore
  { name: "noise for a frame", run: (target, random) => call(target, random.of(PATHS), [noise(random)], random.real() < 0.7) }, // prettier-ignore
  { name: "wrong length", run: (target, random) => call(target, random.of(PATHS), [framed(noise(random), random.of([0, 2 ** 21 + 1, 2 ** 32 - 1, random.below(4000)]))], random.real() < 0.5) }, // prettier-ignore
  { name: "zip bomb", run: (target, random) => call(target, random.of(PATHS.slice(0, 3)), [framed(BOMB, undefined, 1)], true, "gzip") }, // prettier-ignore
  { name: "damaged zip", run: (target, random) => call(target, random.of(PATHS.slice(0, 3)), [framed(noise(random), undefined, 1)], true, random.of(["gzip", "deflate", "br"])) }, // prettier-ignore
  { name: "broken parcel", run: async (target, random) => call(target, PATHS[1]!, await brokenParcel(target, random), random.real() < 0.9) }, // prettier-ignore
  {
    name: "mutated parcel",
    async run(target, random) {
      const [first, ...rest] = await brokenParcel(target, random);
      return call(target, PATHS[1]!, [mutated(first ?? Buffer.alloc(0), random), ...rest], true);
    },
  },
  {
    name: "join and break off",
    run(target) {
      const hello = { ...helloTo(target), address: ":1" };
      return call(target, PATHS[0]!, [framed(encodeMember({ hello }))], false);
    },
  },
  {
    name: "mutated hello",
    run(target, random) {
      const hello = { ...helloTo(target), address: ":1" };
      return call(target, PATHS[0]!, [framed(mutated(encodeMember({ hello }), random))], random.real() < 0.5);
    },
  },
  {
    name: "mutated request",
    run(target, random) {
      const request = { runId: target.seen.runId, what: random.of(["SUM", "STATE"] as const), step: target.seen.step };
      const bytes = exchangeService.Fetch.requestSerialize(request);
      return call(target, PATHS[2]!, [framed(random.real() < 0.5 ? bytes : mutated(bytes, random))], true);
    },
  },
];
