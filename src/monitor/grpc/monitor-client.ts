/** The client's side of `scorestream.v1.Monitor`. */
import {
  Client,
  status,
  type CallOptions,
  type ChannelOptions,
  type ClientReadableStream,
  type ClientWritableStream,
  type Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { filter, map, Observable } from "rxjs";
import type { MetricBatch } from "../../metrics/metric.ts";
import type { WatchRequest } from "../watch-filter.ts";
import { channelCredentials, clientMetadata } from "../../grpc/credentials.ts";
import { fromMessage, service, toMessage, type MetricBatchMessage, type PushSummary } from "./definition.ts";
import { endpointText, isLoopback, type Endpoint } from "../../grpc/endpoint.ts";
import { receive, statusError } from "../../grpc/receive.ts";
import type { ClientSecurity } from "../../grpc/security.ts";
import { sendAll } from "../../grpc/send.ts";

const EVERYTHING: WatchRequest = { runIds: [], nodes: [], names: [], fromStep: 0, span: "ALL", after: [] };

/** A connection to a monitor, made when it is first needed and made again when it breaks. */
export class MonitorClient {
  readonly #client: Client;
  readonly #metadata: Metadata;

  constructor(endpoint: Endpoint, security: ClientSecurity = {}) {
    const options: ChannelOptions = {
      "grpc.initial_reconnect_backoff_ms": 200,
      "grpc.max_reconnect_backoff_ms": 5000,
      // The caller decides what may be sent again.
      "grpc.enable_retries": 0,
      "grpc.enable_channelz": 0,
      // A proxy of the environment leads out of the machine.
      ...(isLoopback(endpoint) && { "grpc.enable_http_proxy": 0 }),
    };
    this.#client = new Client(endpointText(endpoint), channelCredentials(security), options);
    this.#metadata = clientMetadata(security);
  }

  /** Metrics as they come; completes with the run, fails when the server stops. Unsubscribing cancels the call. */
  watch(request: Partial<WatchRequest> = {}): Observable<MetricBatch> {
    const { path, requestSerialize, responseDeserialize } = service.Watch;
    const wanted = { ...EVERYTHING, ...request };
    const open = (): ClientReadableStream<MetricBatchMessage> =>
      this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, wanted, this.#metadata);
    return receive<MetricBatchMessage>(open).pipe(
      // Without a run it is a sign of life.
      filter(({ runId }) => runId !== ""),
      map((message) => fromMessage(message, "")),
    );
  }

  /**
   * Sends batches, each when the monitor has taken those before it; gives the summary once all are stored.
   *
   * @param deadline ms that the whole call may take.
   */
  push(batches: AsyncIterable<MetricBatch>, deadline: number): Observable<PushSummary> {
    const { path, requestSerialize, responseDeserialize } = service.Push;
    const options: CallOptions = { deadline: Date.now() + deadline };
    return new Observable((subscriber) => {
      let complete = false;
      const reply = (error: ServiceError | null, summary?: PushSummary) => {
        if (error || !summary) return subscriber.error(error);
        // The server lacks everything that it had not read by then.
        if (!complete) return subscriber.error(statusError(status.ABORTED, "the monitor ended the call too early"));
        subscriber.next(summary);
        subscriber.complete();
      };
      const call: ClientWritableStream<MetricBatchMessage> = this.#client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        this.#metadata,
        options,
        reply,
      );
      // The reply tells of it.
      call.on("error", () => {});
      const sending = sendAll(call, messages(batches)).subscribe({
        complete: () => {
          complete = true;
          call.end();
        },
        error: (error: unknown) => subscriber.error(error),
      });
      return () => {
        sending.unsubscribe();
        call.cancel();
      };
    });
  }

  close(): void {
    this.#client.close();
  }
}

async function* messages(batches: AsyncIterable<MetricBatch>): AsyncGenerator<MetricBatchMessage, void> {
  for await (const batch of batches) yield toMessage(batch);
}
