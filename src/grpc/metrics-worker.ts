/** The thread that {@link metricsThread} starts. */
import { parentPort, workerData } from "node:worker_threads";
import { UsageError } from "../errors.ts";
import type { FromWorker, ToWorker, WorkerInput } from "./metrics-thread.ts";
import { runMetrics } from "./run-metrics.ts";

const port = parentPort!;
const { options, grew } = workerData as WorkerInput;
/** ms from the first metric of a step to reading: the others are written by then, and go in one message. */
const GATHERING = 20;

const post = (message: FromWorker) => port.postMessage(message);

try {
  const metrics = await runMetrics(options, (text) => post({ type: "tell", text }));
  port.on("message", (message: ToWorker) => {
    if (message === "close") {
      void metrics.close(5000).then(() => process.exit());
      return;
    }
    setTimeout(() => {
      // Before reading: what is written from now on rings again.
      Atomics.store(grew, 0, 0);
      metrics.refresh();
    }, GATHERING);
  });
  post({ type: "ready", endpoint: metrics.endpoint });
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  // The message ends with the remedy.
  post({ type: "refused", message: error.message.split("\n")[0]!, remedy: error.remedy });
  process.exit();
}
