/** The server's side of `arrow.flight.protocol.FlightService`, for prepared images. */
import {
  Metadata,
  status,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { secretOf } from "../../base/authorization.ts";
import { statusError } from "../receive.ts";
import { sendAll } from "../send.ts";
import { sharedManifest, type Catalog, type FlightSet } from "./catalog.ts";
import type { Action, ActionType, FlightDataWire, FlightDescriptor, FlightInfo, Ticket } from "./definition.ts";
import { countRows, parseRange, rangeBytes, type RowRange } from "./row-range.ts";
import { rowMessages } from "./row-messages.ts";
import { Slots, type Slot } from "./slots.ts";

export interface FlightServiceOptions {
  readonly catalog: Catalog;
  /** Reads that may go on at once. */
  readonly maxStreams: number;
  readonly tell: (text: string) => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

const TOKEN = "send a token with each call, authorization: Bearer TOKEN, or as the password here";

const MANIFEST: ActionType = {
  type: "manifest",
  description: 'the manifest of a split as JSON, in pieces; body {"path": ["NAME", "SPLIT"]}',
};
/** Bytes in a piece of an action's result: less than any gRPC takes. */
const PIECE = 1 << 20;

async function* each<T>(values: Iterable<T>): AsyncGenerator<T, void> {
  yield* values;
}

/** The rows that a descriptor means. @throws an error with the status INVALID_ARGUMENT. */
function rangeOf({ type, cmd, path }: FlightDescriptor): RowRange {
  if (type === "CMD") return parseRange("command", cmd);
  if (type === "PATH") return { path, first: 0 };
  throw statusError(status.INVALID_ARGUMENT, "a descriptor is a path, the data set and the split, or a command");
}

/** A ticket for each shard, or the part of it that is in the range. */
function flightInfo({ path, images, stream }: FlightSet, range: RowRange, descriptor: FlightDescriptor): FlightInfo {
  const { shards } = images.manifest;
  const rows = countRows(range, images.length);
  const end = range.first + rows;
  const endpoint: FlightInfo["endpoint"][number][] = [];
  let [at, totalBytes] = [0, 0];
  for (const { count, bytes } of shards) {
    const [first, last] = [Math.max(at, range.first), Math.min(at + count, end)];
    if (first < last) {
      endpoint.push({ ticket: { ticket: rangeBytes({ path, first, count: last - first }) }, location: [] });
      totalBytes += Math.round((bytes * (last - first)) / count);
    }
    at += count;
  }
  return {
    schema: stream.schema,
    flightDescriptor: descriptor,
    endpoint,
    totalRecords: rows,
    totalBytes,
    ordered: true,
  };
}

const pathDescriptor = ({ path }: FlightSet): FlightDescriptor => ({ type: "PATH", cmd: new Uint8Array(), path });

/** The handlers of every method; those that are not there say so. */
export function flightHandlers({ catalog, maxStreams, tell, now }: FlightServiceOptions): UntypedServiceImplementation {
  const slots = new Slots(maxStreams, now);

  /** Makes the error that ends a call; of failures within this server the client learns no details. */
  const ended = (error: Error | ServiceError, what: string): ServiceError => {
    if ("code" in error && typeof error.code === "number") return error;
    tell(`${what}: ${error.message}`);
    return statusError(status.DATA_LOSS, `${what}: the data cannot be read on the server`);
  };
  const unary =
    <Q, R>(method: string, answer: (request: Q) => R) =>
    ({ request }: ServerUnaryCall<Q, R>, reply: sendUnaryData<R>): void => {
      try {
        reply(null, answer(request));
      } catch (error) {
        reply(ended(error as Error, method));
      }
    };
  const stream = <Q, R>(method: string, answer: (request: Q) => Iterable<R>, slot?: Slot) => {
    return (call: ServerWritableStream<Q, R>): void => {
      const failed = (error: Error) => void call.emit("error", ended(error, method));
      for (const event of ["finish", "cancelled"]) call.once(event, () => slot?.release());
      try {
        const sending = sendAll(call, each(answer(call.request)), slot?.waits).subscribe({
          complete: () => call.end(),
          error: failed,
        });
        for (const event of ["cancelled", "error"]) call.on(event, () => sending.unsubscribe());
      } catch (error) {
        failed(error as Error);
      }
    };
  };
  const absent =
    (method: string, instead: string) =>
    (call: { emit(event: "error", error: Error): void }, reply?: unknown): void => {
      const error = statusError(status.UNIMPLEMENTED, `${method} is not implemented: ${instead}`);
      if (typeof reply === "function") (reply as sendUnaryData<never>)(error);
      else call.emit("error", error);
    };

  const doGet = (call: ServerWritableStream<Ticket, FlightDataWire>): void => {
    const fail = (error: unknown) => void call.emit("error", error);
    let slot: Slot;
    try {
      slot = slots.take(fail);
    } catch (error) {
      return fail(error);
    }
    const rows = ({ ticket }: Ticket) => {
      const range = parseRange("ticket", ticket);
      const set = catalog.find(range.path);
      return rowMessages(set, range.first, countRows(range, set.images.length));
    };
    stream("DoGet", rows, slot)(call);
  };

  /** As PyArrow's `authenticate_basic_token`: the password, which was checked, comes back as the token of each call. */
  const handshake = (call: ServerDuplexStream<unknown, unknown>): void => {
    const [header] = call.metadata.get("authorization");
    const token = secretOf(header === undefined ? undefined : String(header));
    if (token === undefined) return absent("Handshake without a password", TOKEN)(call);
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    call.resume();
    call.sendMetadata(metadata);
    call.end(metadata);
  };

  function* action({ type, body }: Action): Generator<{ body: Uint8Array }> {
    if (type !== MANIFEST.type) {
      throw statusError(status.INVALID_ARGUMENT, `no action ${JSON.stringify(type)}; there is ${MANIFEST.type}`);
    }
    const { path } = parseRange("manifest", body);
    const text = Buffer.from(JSON.stringify(sharedManifest(catalog.find(path).images.manifest)));
    for (let at = 0; at < text.length; at += PIECE) yield { body: text.subarray(at, at + PIECE) };
  }

  return {
    ListFlights: stream("ListFlights", ({ expression }: { expression: Uint8Array }) => {
      const wanted = Buffer.from(expression).toString("utf8");
      const sets = catalog.sets.filter(({ path }) => ["", path[0], path.join("/")].includes(wanted));
      return sets.map((set) => flightInfo(set, { path: set.path, first: 0 }, pathDescriptor(set)));
    }),
    GetFlightInfo: unary("GetFlightInfo", (descriptor: FlightDescriptor) => {
      const range = rangeOf(descriptor);
      return flightInfo(catalog.find(range.path), range, descriptor);
    }),
    GetSchema: unary("GetSchema", (descriptor: FlightDescriptor) => ({
      schema: catalog.find(rangeOf(descriptor).path).stream.schema,
    })),
    DoGet: doGet,
    DoAction: stream("DoAction", action),
    ListActions: stream("ListActions", () => [MANIFEST]),
    Handshake: handshake,
    DoPut: absent("DoPut", "data are only given"),
    DoExchange: absent("DoExchange", "data are only given, with DoGet"),
  } as unknown as UntypedServiceImplementation;
}
