import { statSync } from "node:fs";
import { status, type ServiceError } from "@grpc/grpc-js";
import { firstValueFrom, ReplaySubject, takeUntil } from "rxjs";
import { Bell } from "../../base/bell.ts";
import { readLines, START, type Position } from "../lines.ts";
import type { MetricBatch } from "../../metrics/metric.ts";
import type { MetricLog } from "../metric-log.ts";
import { plainDetails } from "../../grpc/receive.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import type { MonitorClient } from "./monitor-client.ts";
import { backoffDelay } from "../../base/backoff.ts";
import { proxyHint } from "./proxy-hint.ts";

export interface PusherOptions {
  readonly client: MonitorClient;
  /** Log to send. It is also the buffer: nothing else is kept, however long the monitor is away. */
  readonly log: MetricLog;
  /** Name of the monitor in messages. */
  readonly name: string;
  readonly tell: (text: string) => void;
  /** Bytes of the record that may wait; of more, the oldest are left out and told. */
  readonly limit?: number;
  /** ms after which a call is ended, so that the monitor says what it has stored. */
  readonly callTime?: number;
  /** Bytes of the record after which a call is ended: proxies bound a request, nginx at 1 MiB. */
  readonly callBytes?: number;
  /** Smallest and largest wait between attempts, ms. */
  readonly backoff?: readonly [number, number];
}

/** ms that the monitor may take to store the rest of a call. */
const REPLY_TIME = 20_000;

/** Statuses that another attempt a moment later does not change. */
const LASTING: readonly status[] = [
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.UNIMPLEMENTED,
  status.INVALID_ARGUMENT,
];

/**
 * Pushes a record to a monitor as it grows.
 *
 * A call that ends with OK says that everything in it is stored; after any other end the metrics since the last OK are
 * sent again, and the monitor drops those it has by their place. So neither a restart of the monitor nor one of this
 * program loses or doubles a metric.
 */
export class Pusher {
  readonly #options: Required<PusherOptions>;
  readonly #bell = new Bell();
  readonly #stop = new ReplaySubject<void>(1);
  readonly #ended: Promise<void>;
  #stored: Position = START;
  #closing = false;
  #stopped = false;
  /** Statuses told of since the monitor last took metrics. */
  readonly #troubles = new Set<status>();

  constructor(options: PusherOptions) {
    this.#options = { callTime: 5000, callBytes: 2 ** 19, backoff: [500, 15_000], limit: 2 ** 30, ...options };
    this.#ended = this.#run();
  }

  /** The record has grown. */
  wake(): void {
    this.#bell.ring();
  }

  /**
   * Sends what is left, and ends.
   *
   * @param grace ms that it may take.
   * @returns Whether the monitor has everything.
   */
  async close(grace: number): Promise<boolean> {
    this.#closing = true;
    const force = setTimeout(() => {
      this.#stopped = true;
      this.#stop.next();
      this.#bell.ring();
    }, grace);
    this.#bell.ring();
    try {
      await this.#ended;
    } finally {
      clearTimeout(force);
    }
    return !this.#pending();
  }

  #pending(): boolean {
    return this.#options.log.batches(this.#stored).next().done === false;
  }

  async #run(): Promise<void> {
    const { backoff } = this.#options;
    let attempt = 0;
    while (!this.#stopped) {
      if (!this.#pending()) {
        if (this.#closing) return;
        await this.#bell.next();
        continue;
      }
      this.#leaveOut();
      try {
        await this.#call();
        attempt = 0;
        if (!this.#stopped) this.#recovered();
      } catch (error) {
        this.#failed(error as ServiceError);
        if (this.#closing && LASTING.includes((error as ServiceError).code)) return;
        await this.#pause(backoffDelay(attempt++, backoff));
      }
    }
  }

  /** Goes to the first metric that is not too far back; the monitor sees the gap by the places. */
  #leaveOut(): void {
    const { log, limit, name, tell } = this.#options;
    const from = statSync(log.path).size - limit;
    if (this.#stored.offset >= from) return;
    const { line } = this.#stored;
    for (const { end } of readLines(log.path, this.#stored)) {
      this.#stored = end;
      if (end.offset >= from) break;
    }
    tell(`warning: the monitor ${name} does not get ${this.#stored.line - line} metrics: more than ${limit} bytes wait for it; they are in ${log.path}`); // prettier-ignore
  }

  /** One call: what there is, then what comes during `callTime`, up to `callBytes` of the record. */
  async #call(): Promise<void> {
    const { client, log, callTime, callBytes } = this.#options;
    const first = this.#stored;
    let sent = first;
    let over = false;
    const end = () => {
      over = true;
      this.#bell.ring();
    };
    async function* batches(bell: Bell, closing: () => boolean): AsyncGenerator<MetricBatch, void> {
      while (!over) {
        for (const { batch, end } of log.batches(sent)) {
          // Lines in between hold no metric: the monitor need not miss them.
          const dropped = batch.sequence - sent.line - 1;
          // What a monitor has must not be lost here: its places would be taken again, by other metrics.
          log.sync();
          yield { ...batch, dropped };
          sent = end;
          if (over || sent.offset - first.offset >= callBytes) return;
        }
        if (closing()) return;
        if (!over) await bell.next();
      }
    }
    const timer = setTimeout(end, callTime);
    try {
      const call = client.push(
        batches(this.#bell, () => this.#closing),
        callTime + REPLY_TIME,
      );
      if (await firstValueFrom(call.pipe(takeUntil(this.#stop)), { defaultValue: undefined })) this.#stored = sent;
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  /** Waits; ends early when the pusher is to end, and is short from then on. */
  async #pause(ms: number): Promise<void> {
    const closing = this.#closing;
    let over = false;
    const end = () => {
      over = true;
      this.#bell.ring();
    };
    const timer = setTimeout(end, closing ? Math.min(ms, this.#options.backoff[0]) : ms);
    while (!over && !this.#stopped && this.#closing === closing) await this.#bell.next();
    clearTimeout(timer);
  }

  #failed({ code, details, message }: ServiceError): void {
    if (this.#stopped || this.#troubles.has(code)) return;
    this.#troubles.add(code);
    const { name, tell } = this.#options;
    const trouble = `${status[code] ?? "error"}: ${sanitizeText(plainDetails(details ?? message))}${proxyHint(details ?? message)}`;
    tell(`warning: the monitor ${name} does not take metrics (${trouble}); they are kept and sent once it does`);
  }

  #recovered(): void {
    if (this.#troubles.size > 0) this.#options.tell(`the monitor ${this.#options.name} takes metrics again`);
    this.#troubles.clear();
  }
}
