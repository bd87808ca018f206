/** A thread beside a run that reads its record: a step of the run blocks neither, and neither blocks it. */
import { Worker } from "node:worker_threads";
import { UsageError } from "../base/errors.ts";
import { threadProgram } from "../base/thread-program.ts";
import type { MetricSink } from "../metrics/metric-sink.ts";

export interface WorkerInput<O> {
  readonly options: O;
  /** One element; 1 while a message that the record has grown is on its way. */
  readonly grew: Int32Array;
}

export type ToWorker = "grew" | "close";

export type FromWorker<R> =
  | { readonly type: "ready"; readonly ready: R }
  | { readonly type: "refused"; readonly message: string; readonly remedy: string }
  | { readonly type: "tell"; readonly text: string };

export interface RecordThread<R> extends MetricSink {
  /** Value that the thread reported when it was ready. */
  readonly ready: R;
}

export interface RecordThreadOptions<O> {
  /** The thread's program, which calls `followRecord`. */
  readonly program: URL;
  /** Given to it; what can be cloned. */
  readonly options: O;
  /** Purpose of the thread, such as "metrics are served"; a warning uses it when the thread fails. */
  readonly purpose: string;
  readonly tell: (text: string) => void;
}

/**
 * Starts the thread, and waits until it is ready.
 *
 * `push` only rings, and the thread reads the record: so however slow the thread, at most one message waits for it.
 *
 * @throws UsageError when the thread does.
 */
export function recordThread<O, R>(given: RecordThreadOptions<O>): Promise<RecordThread<R>> {
  const { program, options, purpose, tell } = given;
  const grew = new Int32Array(new SharedArrayBuffer(4));
  const workerData: WorkerInput<O> = { options, grew };
  const worker = new Worker(threadProgram(program), { workerData, execArgv: [] });
  const post = (message: ToWorker) => worker.postMessage(message);
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const sink = (ready: R): RecordThread<R> => ({
    ready,
    push() {
      if (Atomics.exchange(grew, 0, 1) === 0) post("grew");
    },
    async close() {
      post("close");
      await exited;
    },
  });
  return new Promise((resolve, reject) => {
    let ready = false;
    worker.on("message", (message: FromWorker<R>) => {
      if (message.type === "tell") return tell(message.text);
      ready = message.type === "ready";
      if (message.type === "ready") resolve(sink(message.ready));
      else reject(new UsageError(message.message, message.remedy));
    });
    worker.on("error", (error) => {
      if (!ready) reject(error);
      else tell(`warning: ${purpose} no longer works: ${error.message}`);
    });
  });
}
