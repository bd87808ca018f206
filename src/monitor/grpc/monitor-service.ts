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
import { NAME_LIMIT, type MetricBatch } from "../../metrics/metric.ts";
import type { WatchRequest } from "../watch-filter.ts";
import { watch } from "../watch.ts";
import { fromMessage, SIGN_OF_LIFE, toMessage, type MetricBatchMessage, type PushSummary } from "./definition.ts";
import { receive, statusError } from "../../grpc/receive.ts";
import { sendAll } from "../../grpc/send.ts";

/** The store of pushed metrics. */
export interface MetricStore {
  accept(batch: MetricBatch): Accepted;
  sync(runIds: Iterable<string>): void;
}

/** Above the places of any record: a file of so many lines has over 64 TB. */
const PLACE_LIMIT = 2 ** 40;
/** Characters of what says why a run failed. */
const TEXT_LIMIT = 2000;

/** @throws an error with the status INVALID_ARGUMENT. */
function check({ runId, node, metrics, state, sequence }: MetricBatchMessage): void {
  const problem = (what: string) => statusError(status.INVALID_ARGUMENT, what);
  if (runId === "") throw problem("run_id is empty");
  if (encodeURIComponent(runId).length > NAME_LIMIT) throw problem(`run_id is longer than ${NAME_LIMIT} bytes`);
  if (sequence > PLACE_LIMIT) throw problem(`sequence ${sequence} is larger than a record can be`);
  const own = state ? [state.stage, state.unit, state.pipeline] : [];
  for (const name of [node, ...own, ...metrics.flatMap((metric) => [metric.name, metric.unit])]) {
    if (name.length > NAME_LIMIT) throw problem(`a name is longer than ${NAME_LIMIT}: ${name.slice(0, 40)}...`);
  }
  if (!state) return;
  if (metrics.length > 0) throw problem("a batch has metrics or a state, not both");
  const words = [state.error, state.remedy].some((text) => (text ?? "").length > TEXT_LIMIT);
  if (words || state.phases.length > NAME_LIMIT) throw problem(`a state is too long: error and remedy have ${TEXT_LIMIT} characters at most`); // prettier-ignore
}

/** The batch of a message. @throws an error with the status INVALID_ARGUMENT for an impossible time. */
function batchOfMessage(message: MetricBatchMessage): MetricBatch {
  try {
    return fromMessage(message, new Date().toISOString());
  } catch (error) {
    throw statusError(status.INVALID_ARGUMENT, `a time is impossible: ${(error as Error).message}`);
  }
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

export interface WatchOptions {
  /** Metrics that may wait for one watcher. */
  readonly limit?: number | undefined;
  /** ms of silence after which a watcher gets a sign of life: proxies end calls after 60 s without one. */
  readonly heartbeat?: number | undefined;
  /** Called for each batch that a watcher took. */
  readonly onTaken?: () => void;
}

/** Writes a sign of life after each `ms` without a message; the returned function is called at each message. */
function heartbeats(call: ServerWritableStream<WatchRequest, MetricBatchMessage>, ms: number) {
  const timer = setInterval(() => {
    // What waits already is a sign of life to come.
    if (!call.writableNeedDrain) call.write(SIGN_OF_LIFE);
  }, ms);
  return { beat: () => void timer.refresh(), end: () => clearInterval(timer) };
}

const STOPPING = "this server stops, and not the run: watch again after the last sequence";

/** Serves watchers from a feed, each with a buffer of its own. The end is OK when no more will come. */
export function watchHandler(feed: Feed, { limit, heartbeat = 15_000, onTaken = () => {} }: WatchOptions = {}) {
  return (call: ServerWritableStream<WatchRequest, MetricBatchMessage>): void => {
    const { batches, close } = watch(feed, call.request, limit);
    // Headers now: a client then knows that it is connected, though nothing may come for long.
    call.sendMetadata(new Metadata());
    const { beat, end } = heartbeats(call, heartbeat);
    const taken = () => {
      beat();
      onTaken();
    };
    const complete = call.request.span === "PAST" ? () => true : () => feed.ended();
    const sending = sendAll(call, messages(batches, taken)).subscribe({
      complete: () => (complete() ? call.end() : call.emit("error", statusError(status.UNAVAILABLE, STOPPING))),
      error: (error: Error) => call.emit("error", statusError(status.INTERNAL, error.message)),
    });
    sending.add(close);
    sending.add(end);
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
      return store.accept(batchOfMessage(message));
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
