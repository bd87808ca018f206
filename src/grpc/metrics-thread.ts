/** Metrics over gRPC beside a run, in a thread of their own: a step of the run blocks neither, and neither blocks it. */
import { Worker } from "node:worker_threads";
import { UsageError } from "../errors.ts";
import type { MetricSink } from "../monitor/metric-sink.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RunMetricsOptions } from "./run-metrics.ts";

export interface WorkerInput {
  readonly options: RunMetricsOptions;
  /** One element; 1 while a message that the record has grown is on its way. */
  readonly grew: Int32Array;
}

export type ToWorker = "grew" | "close";

export type FromWorker =
  | { readonly type: "ready"; readonly endpoint: Endpoint | undefined }
  | { readonly type: "refused"; readonly message: string; readonly remedy: string }
  | { readonly type: "tell"; readonly text: string };

export interface MetricsThread extends MetricSink {
  /** Where Watch is served. */
  readonly endpoint: Endpoint | undefined;
}

/** The thread's program; where the runtime does not read TypeScript, one that first lets it. */
function program(): URL {
  const url = new URL("./metrics-worker.ts", import.meta.url);
  if ("Deno" in globalThis || (process.features as { typescript?: unknown }).typescript) return url;
  // A thread does not take tsx from --import.
  const tsx = import.meta.resolve("tsx/esm/api");
  const text = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(url.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

/**
 * Starts the thread, and waits until it serves.
 *
 * `push` only rings, and the thread reads the record: so however slow the thread, at most one message waits for it.
 *
 * @throws UsageError when it cannot listen.
 */
export function metricsThread(options: RunMetricsOptions, tell: (text: string) => void): Promise<MetricsThread> {
  const grew = new Int32Array(new SharedArrayBuffer(4));
  const workerData: WorkerInput = { options, grew };
  const worker = new Worker(program(), { workerData, execArgv: [] });
  const post = (message: ToWorker) => worker.postMessage(message);
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));

  const sink = (endpoint: Endpoint | undefined): MetricsThread => ({
    endpoint,
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
    worker.on("message", (message: FromWorker) => {
      if (message.type === "tell") return tell(message.text);
      ready = message.type === "ready";
      if (message.type === "ready") resolve(sink(message.endpoint));
      else reject(new UsageError(message.message, message.remedy));
    });
    worker.on("error", (error) => {
      if (!ready) reject(error);
      else tell(`warning: metrics are no longer served or pushed: ${error.message}`);
    });
  });
}
