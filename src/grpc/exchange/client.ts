/** The client's side of `scorestream.v1.Exchange`. */
import {
  Client,
  status,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { channelCredentials, clientMetadata } from "../credentials.ts";
import { endpointText, type Endpoint } from "../endpoint.ts";
import { statusError } from "../receive.ts";
import type { ClientSecurity } from "../security.ts";
import { exchangeService } from "./definition.ts";
import type { Receipt } from "../../exchange/messages.ts";
import type { ParcelMessage } from "../../exchange/messages.ts";
import type { Header } from "../../exchange/messages.ts";
import type { VectorAbout } from "../../exchange/messages.ts";
import type { FetchRequest } from "../../exchange/messages.ts";
import type { CoordinatorMessage } from "../../exchange/messages.ts";
import type { MemberMessage } from "../../exchange/messages.ts";
import type { Hello, WireIdentity } from "../../exchange/messages.ts";
import { MESSAGE_LIMIT, parcel, readHeader, readVectors, requireVectors, type Vector } from "./parcel.ts";
import { ParcelStream } from "./parcel-stream.ts";
import type { Lane } from "./shared-memory.ts";

/** Bytes that may be on their way unread on one connection or stream; more than fits in flight between distant machines. */
export const FLOW_CONTROL_WINDOW = 2 ** 22;

export interface Attendance {
  send(message: MemberMessage): void;
  /** Tells that no more comes, after what was sent. */
  end(): void;
  /** Expects nothing more. */
  cancel(): void;
}

export interface AttendanceListener {
  onMessage(message: CoordinatorMessage): void;
  /** The stream is over, whoever ended it; told once. */
  onEnd(error: ServiceError): void;
}

/** A connection to one other node, made when it is first needed and made again when it breaks. */
export class ExchangeClient {
  #client: Client;
  readonly #make: () => Client;
  readonly #metadata: Metadata;
  /** Streams of {@link deliver}, one for each signal. */
  readonly #streams = new Map<AbortSignal, ParcelStream>();

  /** @param quiet ms without a sign of life after which the connection counts as broken; a step may take long. */
  constructor(endpoint: Endpoint, security: ClientSecurity, quiet: number) {
    const options: ChannelOptions = {
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1000,
      "grpc.enable_retries": 0,
      "grpc.enable_channelz": 0,
      "grpc.keepalive_time_ms": quiet,
      "grpc.keepalive_timeout_ms": quiet,
      "grpc.max_receive_message_length": MESSAGE_LIMIT,
      "grpc-node.flow_control_window": FLOW_CONTROL_WINDOW,
      // Two clients of one process stay two connections: one that is closed takes no other's calls with it.
      "grpc.use_local_subchannel_pool": 1,
      // Nodes reach each other as they are: a proxy of the environment is for other things.
      "grpc.enable_http_proxy": 0,
    };
    this.#make = () => new Client(endpointText(endpoint), channelCredentials(security), options);
    this.#client = this.#make();
    this.#metadata = clientMetadata(security);
  }

  /** Joins; lasts until either side ends it. */
  attend(hello: Hello, { onMessage, onEnd }: AttendanceListener): Attendance {
    const { path, requestSerialize, responseDeserialize } = exchangeService.Attend;
    const call: ClientDuplexStream<MemberMessage, CoordinatorMessage> = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    );
    let over = false;
    const end = (error: ServiceError) => {
      if (over) return;
      over = true;
      onEnd(error);
    };
    call.on("data", (message: CoordinatorMessage) => over || onMessage(message));
    call.on("error", end);
    call.on("end", () => end(statusError(status.UNAVAILABLE, "the coordinator ended the call")));
    call.write({ hello });
    return {
      send: (message) => void (over || call.write(message)),
      end: () => void (over || call.end()),
      cancel() {
        over = true;
        call.cancel();
      },
    };
  }

  /**
   * Sends vectors; resolves once the other node has taken all of them.
   *
   * @param signal Gives up all that is sent with it.
   * @param lane Room for them in memory that the other node reads.
   * @throws ServiceError with the status it ended with.
   */
  deliver(
    header: Omit<Header, "vectors">,
    vectors: readonly Vector[],
    signal: AbortSignal,
    lane?: Lane,
  ): Promise<void> {
    if (signal.aborted) return Promise.reject(statusError(status.CANCELLED, "not wanted any more"));
    const stream = this.#streams.get(signal) ?? this.#openStream(signal);
    return stream.deliver(parcel(header, vectors, lane));
  }

  #openStream(signal: AbortSignal): ParcelStream {
    const { path, requestSerialize, responseDeserialize } = exchangeService.Deliver;
    const call: ClientDuplexStream<ParcelMessage, Receipt> = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    );
    const cancel = () => stream.cancel();
    const stream = new ParcelStream(call, () => {
      signal.removeEventListener("abort", cancel);
      this.#streams.delete(signal);
    });
    signal.addEventListener("abort", cancel);
    this.#streams.set(signal, stream);
    return stream;
  }

  /** Fetches vectors. @throws ServiceError, also when it is not what was asked for. */
  async fetch(
    request: FetchRequest,
    wanted: readonly VectorAbout[],
    signal: AbortSignal,
    onMessage: () => void,
  ): Promise<readonly Float32Array[]> {
    const { path, requestSerialize, responseDeserialize } = exchangeService.Fetch;
    const call: ClientReadableStream<ParcelMessage> = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.#metadata,
    );
    const cancel = () => call.cancel();
    signal.addEventListener("abort", cancel);
    // Cancelling after the end of the iteration is an error that nobody waits for.
    call.on("error", () => {});
    try {
      if (signal.aborted) throw statusError(status.CANCELLED, "not wanted any more");
      const messages = watched(call[Symbol.asyncIterator]() as AsyncIterator<ParcelMessage>, onMessage);
      const header = await readHeader(messages);
      if (!header) throw statusError(status.INVALID_ARGUMENT, "there is no answer");
      if (header.runId !== request.runId || header.step !== request.step || header.phase !== "FETCHED") {
        throw statusError(status.INVALID_ARGUMENT, `asked for step ${request.step}, got ${header.step}`);
      }
      requireVectors(header.vectors, wanted);
      const vectors = await readVectors(messages, wanted);
      if (!(await messages.next()).done) throw statusError(status.INVALID_ARGUMENT, "it goes on after its last vector");
      return vectors;
    } finally {
      signal.removeEventListener("abort", cancel);
      call.cancel();
    }
  }

  /** Asks which process listens there. @throws ServiceError */
  identify(signal: AbortSignal): Promise<WireIdentity> {
    const { path, requestSerialize, responseDeserialize } = exchangeService.Identify;
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        {},
        this.#metadata,
        (error, identity) => (error ? reject(error) : resolve(identity!)),
      );
      const cancel = () => call.cancel();
      if (signal.aborted) cancel();
      signal.addEventListener("abort", cancel, { once: true });
    });
  }

  /** Gives the connection up, and makes another one when it is needed: a frozen process keeps one open for ever. */
  renew(): void {
    this.#client.close();
    this.#client = this.#make();
  }

  close(): void {
    this.#client.close();
  }
}

function watched<T>(source: AsyncIterator<T>, onNext: () => void): AsyncIterator<T> {
  return {
    async next() {
      const next = await source.next();
      onNext();
      return next;
    },
  };
}
