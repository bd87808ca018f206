/** The server's side of `scorestream.v1.Monitor`. */
import {
  Metadata,
  status,
  type ServiceError,
  type sendUnaryData,
  type ServerReadableStream,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { map, reduce } from "rxjs";
import type { Accepted } from "../archive.ts";
import type { Feed } from "../feed.ts";
import type { MetricBatch } from "../../metrics/metric.ts";
import type { WatchRequest } from "../watch-filter.ts";
import { watch } from "../watch.ts";
import { fromMessage, toMessage, type MetricBatchMessage, type PushSummary } from "./definition.ts";
import { receive, statusError } from "../../grpc/receive.ts";
import { sendAll } from "../../grpc/send.ts";

/** The store of pushed metrics. */
export interface MetricStore {
  accept(batch: MetricBatch): Accepted;
  sync(runIds: Iterable<string>): void;
}

/** Bytes; run ids become file names. */
const NAME_LIMIT = 200;
/** Characters of what says why a run failed. */
const TEXT_LIMIT = 2000;

/** @throws an error with the status INVALID_ARGUMENT. */
function check({ runId, node, metrics, state }: MetricBatchMessage): void {
  const problem = (what: string) => statusError(status.INVALID_ARGUMENT, what);
  if (runId === "") throw problem("run_id is empty");
  if (encodeURIComponent(runId).length > NAME_LIMIT) throw problem(`run_id is longer than ${NAME_LIMIT} bytes`);
  const own = state ? [state.stage, state.unit, state.pipeline] : [];
  for (const name of [node, ...own, ...metrics.flatMap((metric) => [metric.name, metric.unit])]) {
    if (name.length > NAME_LIMIT) throw problem(`a name is longer than ${NAME_LIMIT}: ${name.slice(0, 40)}...`);
  }
  if (!state) return;
  if (metrics.length > 0) throw problem("a batch has metrics or a state, not both");
  const words = [state.error, state.remedy].some((text) => (text ?? "").length > TEXT_LIMIT);
  if (words || state.phases.length > NAME_LIMIT) throw problem(`a state is too long: error and remedy have ${TEXT_LIMIT} characters at most`); // prettier-ignore
}

async function* messages(
  batches: AsyncIterable<MetricBatch>,
  onTaken: () => void,
): AsyncGenerator<MetricBatchMessage, void> {
  for await (const batch of batches) {
    yield toMessage(batch);
    onTaken();
  }
}

/** The status to end with; what the file system says, a full disk for one, the client may try again. */
const statusOf = (error: Error | ServiceError): ServiceError =>
  "code" in error && typeof error.code === "number" ? error : statusError(status.RESOURCE_EXHAUSTED, error.message);

/** Serves watchers from a feed; each has its own buffer of `limit` metrics. `onTaken` is called for each batch that one took. */
export function watchHandler(feed: Feed, limit?: number, onTaken = () => {}) {
  return (call: ServerWritableStream<WatchRequest, MetricBatchMessage>): void => {
    const { batches, close } = watch(feed, call.request, limit);
    // Headers now: a client then knows that it is connected, though nothing may come for long.
    call.sendMetadata(new Metadata());
    const sending = sendAll(call, messages(batches, onTaken)).subscribe({
      complete: () => call.end(),
      error: (error: Error) => call.emit("error", statusError(status.INTERNAL, error.message)),
    });
    sending.add(close);
    call.on("cancelled", () => sending.unsubscribe());
  };
}

/** Stores what is pushed; answers when it is on disk. */
export function pushHandler(store: MetricStore) {
  return (call: ServerReadableStream<MetricBatchMessage, PushSummary>, reply: sendUnaryData<PushSummary>): void => {
    const runIds = new Set<string>();
    const accept = (message: MetricBatchMessage): Accepted => {
      check(message);
      runIds.add(message.runId);
      return store.accept(fromMessage(message, new Date().toISOString()));
    };
    const add = (a: PushSummary, b: Accepted) => ({
      stored: a.stored + b.stored,
      duplicates: a.duplicates + b.duplicates,
    });
    receive<MetricBatchMessage>(() => call)
      .pipe(
        map(accept),
        reduce(add, { stored: 0, duplicates: 0 }),
        map((summary) => (store.sync(runIds), summary)),
      )
      .subscribe({
        next: (summary) => reply(null, summary),
        error: (error: Error | ServiceError) => reply(statusOf(error)),
      });
  };
}
