/** The server's side of `scorestream.v1.Exchange`. */
import {
  status,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { endpointText, parseEndpoint, type Endpoint } from "../endpoint.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import { messagesOf } from "../messages.ts";
import { statusError } from "../receive.ts";
import { sendAll } from "../send.ts";
import { JoinRefused, type Coordinator } from "./coordinator.ts";
import type { Farewell, Locality } from "../../exchange/coordinator-state.ts";
import { VERSION } from "./definition.ts";
import type { Receipt } from "../../exchange/messages.ts";
import type { ParcelMessage } from "../../exchange/messages.ts";
import type { FetchRequest } from "../../exchange/messages.ts";
import type { MemberMessage } from "../../exchange/messages.ts";
import type { Hello, WireIdentity } from "../../exchange/messages.ts";
import type { Header } from "../../exchange/messages.ts";
import type { CoordinatorMessage } from "../../exchange/messages.ts";
import { parcel, type Vector } from "./parcel.ts";
import { Receipts } from "./receipts.ts";

/** The answer of a node to a fetch. */
export interface FetchedSum {
  readonly header: Omit<Header, "vectors">;
  readonly vectors: readonly Vector[];
}

export interface ExchangeHandlers {
  /** Absent where the node is not the coordinator; then its address. */
  readonly coordinator: Coordinator | string;
  /** Lists the reasons that keep a node out, one a line. */
  readonly differences: (hello: Hello) => readonly string[];
  /** Lists the differences of its arithmetic, one a line; with `mixed` it may join all the same. */
  readonly otherwise: (hello: Hello) => readonly string[];
  readonly mixed: boolean;
  /** Of this process. */
  readonly incarnation: string;
  /** Tries the address of a node that wants to join. @throws ServiceError */
  readonly reach: (endpoint: Endpoint, incarnation: string, signal: AbortSignal) => Promise<Locality>;
  readonly take: (messages: AsyncIterator<ParcelMessage>, given: AbortSignal) => Promise<boolean>;
  /** @throws ServiceError */
  readonly fetch: (request: FetchRequest) => FetchedSum;
  /** Receives the reason when a parcel is refused for its content. */
  readonly onRefused: (peer: string, what: string) => void;
}

const hasStatus = (error: unknown): error is ServiceError =>
  error instanceof Error && "code" in error && typeof error.code === "number";

/** Bounds the length of the message: it goes back in a header. */
const withStatus = (error: unknown): ServiceError =>
  hasStatus(error)
    ? statusError(error.code, sanitizeText(error.details, 2000))
    : statusError(status.INTERNAL, sanitizeText((error as Error).message));

/** Characters; a name in DNS has at most 253. */
const ADDRESS_LIMIT = 300;

/** The address at which its peers reach a node that calls from `peer`. @throws ServiceError when it is none. */
function addressOf({ address }: Hello, peer: string): Endpoint {
  const port = address.startsWith(":");
  // Addresses of IPv4 on a socket of IPv6 lose their prefix.
  const host = peer.slice(0, peer.lastIndexOf(":")).replace(/^::ffff:/, "");
  try {
    if (address.length > ADDRESS_LIMIT || sanitizeText(address) !== address) throw new Error("not an address");
    return parseEndpoint("address", port ? endpointText({ host, port: 0 }).replace(/:0$/, address) : address, false);
  } catch {
    throw statusError(status.INVALID_ARGUMENT, `address: ${sanitizeText(address, 100)} is not of the form HOST:PORT`);
  }
}

const FAREWELLS: Record<Farewell, status> = {
  "left out": status.ABORTED,
  superseded: status.ALREADY_EXISTS,
  closed: status.UNAVAILABLE,
};

type Attend = ServerDuplexStream<MemberMessage, CoordinatorMessage>;

/** Facts about a node that asks to join. */
interface Candidate {
  readonly coordinator: Coordinator;
  readonly hello: Hello;
  readonly endpoint: Endpoint;
  readonly differing: readonly string[];
}

/** @throws ServiceError when the node may not join, wherever it is. */
function examine(call: Attend, hello: Hello, handlers: ExchangeHandlers): Candidate {
  const { coordinator, differences, otherwise, mixed } = handlers;
  if (typeof coordinator === "string") {
    throw statusError(status.FAILED_PRECONDITION, `this node does not coordinate; --join ${coordinator}`);
  }
  if (hello.version !== VERSION) {
    throw statusError(status.FAILED_PRECONDITION, `version: ${VERSION} here, ${hello.version} there`);
  }
  const wrong = differences(hello);
  if (wrong.length > 0) throw statusError(status.FAILED_PRECONDITION, `this is another run: ${wrong.join("; ")}`);
  const differing = otherwise(hello);
  if (differing.length > 0 && !mixed) {
    const what = `it would compute other bits than the run: ${differing.join("; ")}`;
    throw statusError(status.FAILED_PRECONDITION, `${what}; exchange.mixed=allow on all nodes lets it join`);
  }
  return { coordinator, hello, endpoint: addressOf(hello, call.getPeer()), differing };
}

/** @throws ServiceError */
function admit(call: Attend, { coordinator, hello, endpoint, differing }: Candidate, place: Locality) {
  const link = {
    send: (message: CoordinatorMessage) => void call.write(message),
    end: (reason: string, how: Farewell) => void call.emit("error", statusError(FAREWELLS[how], reason)),
  };
  try {
    const id = coordinator.join(link, { ...hello, address: endpointText(endpoint), place, differing });
    return { coordinator, id };
  } catch (error) {
    if (!(error instanceof JoinRefused)) throw error;
    if (error.address) throw statusError(status.NOT_FOUND, error.message);
    throw statusError(error.passing ? status.ALREADY_EXISTS : status.FAILED_PRECONDITION, error.message);
  }
}

/** Membership: the node belongs to the run as long as the call is open. */
export function attendHandler(handlers: ExchangeHandlers) {
  return (call: Attend): void => {
    let member: ReturnType<typeof admit> | undefined;
    let candidate: Candidate | undefined;
    const over = new AbortController();
    const gone = (why: string) => {
      if (over.signal.aborted) return;
      over.abort();
      member?.coordinator.gone(member.id, why);
    };
    const refuse = (error: unknown) => {
      if (over.signal.aborted) return;
      over.abort();
      handlers.onRefused(call.getPeer(), withStatus(error).details);
      call.emit("error", withStatus(error));
    };
    const greet = async ({ hello }: MemberMessage) => {
      if (!hello) throw statusError(status.INVALID_ARGUMENT, "the first message is hello");
      if (candidate) throw statusError(status.INVALID_ARGUMENT, "the first message is answered before another one");
      candidate = examine(call, hello, handlers);
      const place = await handlers.reach(candidate.endpoint, hello.incarnation, over.signal);
      if (!over.signal.aborted) member = admit(call, candidate, place);
    };
    call.on("data", (message: MemberMessage) => {
      if (over.signal.aborted) return;
      if (member) member.coordinator.receive(member.id, message);
      else greet(message).catch(refuse);
    });
    call.on("cancelled", () => gone("its connection broke"));
    call.on("error", () => gone("its connection broke"));
    call.on("end", () => {
      gone("it ended the call");
      call.end();
    });
  };
}

/** Statuses of parcels that are refused for their content, and deserve a line in the log. */
const CONTENT: readonly status[] = [
  status.INVALID_ARGUMENT,
  status.ALREADY_EXISTS,
  status.DATA_LOSS,
  status.RESOURCE_EXHAUSTED,
];

/** Parcels, one after another, each answered once it was taken. */
export function deliverHandler({ take, onRefused }: ExchangeHandlers) {
  return (call: ServerDuplexStream<ParcelMessage, Receipt>): void => {
    const given = new AbortController();
    call.on("cancelled", () => given.abort());
    // Errors of a call that breaks are reported by its messages.
    call.on("error", () => given.abort());
    const messages = messagesOf<ParcelMessage>(call);
    const receipts = new Receipts((receipt) => call.write(receipt));
    const run = async () => {
      while (await take(messages, given.signal)) receipts.add();
      receipts.flush();
      call.end();
    };
    run().catch((error: unknown) => {
      receipts.drop();
      const failure = withStatus(error);
      const peer = call.getPeer();
      // A broken connection also leaves a message that ends early; it has no address any more.
      if (CONTENT.includes(failure.code) && peer !== "unknown") onRefused(peer, failure.details);
      if (!given.signal.aborted) call.emit("error", failure);
    });
  };
}

export const identifyHandler =
  ({ incarnation }: ExchangeHandlers) =>
  (_call: unknown, answer: sendUnaryData<WireIdentity>): void =>
    answer(null, { incarnation });

export function fetchHandler({ fetch }: ExchangeHandlers) {
  return (call: ServerWritableStream<FetchRequest, ParcelMessage>): void => {
    try {
      const { header, vectors } = fetch(call.request);
      const sending = sendAll(call, parcel(header, vectors)).subscribe({
        complete: () => call.end(),
        error: (error: Error) => call.emit("error", statusError(status.INTERNAL, error.message)),
      });
      call.on("cancelled", () => sending.unsubscribe());
    } catch (error) {
      call.emit("error", withStatus(error));
    }
  };
}
