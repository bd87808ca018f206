/** The client's side of `arrow.flight.protocol.FlightService`, for any server of it. */
import { Client, status, type ClientReadableStream, type MethodDefinition, type ServiceError } from "@grpc/grpc-js";
import { RunError } from "../../base/errors.ts";
import { channelCredentials, clientMetadata } from "../credentials.ts";
import { endpointText, isLoopback, type Endpoint } from "../endpoint.ts";
import { plainDetails } from "../receive.ts";
import type { ClientSecurity } from "../security.ts";
import {
  flightService,
  type Action,
  type ActionType,
  type FlightData,
  type FlightDescriptor,
  type FlightInfo,
  type Ticket,
} from "./definition.ts";

/** A failed call, or inconsistent data; the message names the server. */
export class FlightError extends RunError {
  override readonly name = "FlightError";
  /** DATA_LOSS if the data from the server are malformed. */
  readonly code: status;

  constructor(server: string, code: status, details: string, options?: ErrorOptions) {
    super(`${server}: ${status[code]}: ${details}`, options);
    this.code = code;
  }
}

/** Longest time for a call with one answer, ms. */
const DEADLINE = 30_000;
/** Answers of a call that lists something. */
const MAX_ANSWERS = 10_000;
/** Bytes of a message, and of one that may wait to be read. */
const [MAX_MESSAGE, WINDOW] = [64 << 20, 4 << 20];

const toDescriptor = (path: readonly string[]): FlightDescriptor => ({ type: "PATH", cmd: new Uint8Array(), path });

/** A connection to a server, opened on first use and again when it breaks. */
export class FlightClient {
  /** HOST:PORT, for messages. */
  readonly server: string;
  readonly #client: Client;
  readonly #security: ClientSecurity;

  /**
   * @param keepalive ms between checks that a silent server can still be reached. Servers of other programs close
   *   connections that check more often than every 5 minutes, the default of gRPC; see its keepalive guide.
   */
  constructor(endpoint: Endpoint, security: ClientSecurity = {}, keepalive = 330_000) {
    this.server = endpointText(endpoint);
    this.#security = security;
    this.#client = new Client(this.server, channelCredentials(security), {
      "grpc.max_receive_message_length": MAX_MESSAGE,
      "grpc-node.flow_control_window": WINDOW,
      "grpc.initial_reconnect_backoff_ms": 200,
      "grpc.max_reconnect_backoff_ms": 5000,
      "grpc.keepalive_time_ms": keepalive,
      "grpc.keepalive_timeout_ms": 20_000,
      // The caller decides what may be asked again.
      "grpc.enable_retries": 0,
      "grpc.enable_channelz": 0,
      // A proxy of the environment leads out of the machine.
      ...(isLoopback(endpoint) && { "grpc.enable_http_proxy": 0 }),
    });
  }

  /** @param expression Filter for the list, in the server's syntax. @throws FlightError here and below. */
  list(expression = ""): Promise<FlightInfo[]> {
    return this.#collect(flightService.ListFlights, { expression: Buffer.from(expression) });
  }

  info(path: readonly string[]): Promise<FlightInfo> {
    return this.#ask(flightService.GetFlightInfo, toDescriptor(path));
  }

  /** @param command A command in the server's syntax. */
  infoOf(command: Uint8Array): Promise<FlightInfo> {
    return this.#ask(flightService.GetFlightInfo, { type: "CMD", cmd: command, path: [] });
  }

  /** @returns An encapsulated IPC message. */
  async schema(path: readonly string[]): Promise<Uint8Array> {
    return (await this.#ask(flightService.GetSchema, toDescriptor(path))).schema;
  }

  actions(): Promise<ActionType[]> {
    return this.#collect(flightService.ListActions, {});
  }

  /** Runs an action and returns the bodies of its results. */
  async action(type: string, body: Uint8Array): Promise<Uint8Array[]> {
    const results = await this.#collect(flightService.DoAction, { type, body } satisfies Action);
    return results.map((result) => result.body);
  }

  /**
   * Yields the messages of a stream, and requests each one when there is room for it. Ending the loop early cancels the
   * call.
   *
   * @param signal Also cancels the call, with a FlightError of the code CANCELLED.
   */
  get(ticket: Ticket, signal?: AbortSignal): AsyncGenerator<FlightData, void> {
    return this.#stream(flightService.DoGet, ticket, undefined, signal);
  }

  close(): void {
    this.#client.close();
  }

  /** Converts an error to one that names the server. */
  failure(error: Error | ServiceError): FlightError {
    const { code, details } = error as ServiceError;
    return typeof code === "number"
      ? new FlightError(this.server, code, plainDetails(details ?? error.message), { cause: error })
      : new FlightError(this.server, status.UNKNOWN, error.message, { cause: error });
  }

  #ask<Q, R>({ path, requestSerialize, responseDeserialize }: MethodDefinition<Q, R>, request: Q): Promise<R> {
    const deadline = Date.now() + DEADLINE;
    const metadata = clientMetadata(this.#security);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, value) => (error ? reject(this.failure(error)) : resolve(value!)),
      );
    });
  }

  async *#stream<Q, R>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Q, R>,
    request: Q,
    deadline?: number,
    signal?: AbortSignal,
  ): AsyncGenerator<R, void> {
    if (signal?.aborted) throw new FlightError(this.server, status.CANCELLED, "stopped");
    const metadata = clientMetadata(this.#security);
    const options = deadline === undefined ? {} : { deadline };
    const call: ClientReadableStream<R> = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
    );
    const cancel = () => call.cancel();
    // Cancelling causes one, when nobody iterates any more.
    call.on("error", () => {});
    signal?.addEventListener("abort", cancel);
    try {
      for await (const value of call) yield value as R;
    } catch (error) {
      throw this.failure(error as Error);
    } finally {
      signal?.removeEventListener("abort", cancel);
      cancel();
    }
  }

  async #collect<Q, R>(method: MethodDefinition<Q, R>, request: Q): Promise<R[]> {
    const values: R[] = [];
    for await (const value of this.#stream(method, request, Date.now() + DEADLINE)) {
      values.push(value);
      if (values.length > MAX_ANSWERS) {
        throw new FlightError(this.server, status.DATA_LOSS, `${method.path} has more than ${MAX_ANSWERS} answers`);
      }
    }
    return values;
  }
}
