/** The inside of a thread that {@link recordThread} starts. */
import { parentPort, workerData } from "node:worker_threads";
import { UsageError } from "../base/errors.ts";
import type { FromWorker, ToWorker, WorkerInput } from "./record-thread.ts";

export interface Follower<R> {
  /** Value reported to the run. */
  readonly ready: R;
  /** The record has grown. */
  refresh(): void;
  /** Ends. @param grace ms that it may take. */
  close(grace: number): Promise<void>;
}

/** ms from the first metric of a step to reading: the others are written by then, and go in one message. */
const GATHERING = 20;
/** ms between looks at the record, which other threads write too. */
const LOOK = 1000;
/** ms without taking anything after which a watcher is not waited for when the run ends. */
const GRACE = 5000;

/** Opens the follower with the thread's options, and serves it until it is closed. */
export async function followRecord<O, R>(
  open: (options: O, tell: (text: string) => void) => Promise<Follower<R>>,
): Promise<void> {
  const port = parentPort!;
  const { options, grew } = workerData as WorkerInput<O>;
  const post = (message: FromWorker<R>) => port.postMessage(message);
  try {
    const follower = await open(options, (text) => post({ type: "tell", text }));
    const look = setInterval(() => follower.refresh(), LOOK);
    port.on("message", (message: ToWorker) => {
      if (message === "close") {
        clearInterval(look);
        void follower.close(GRACE).then(() => process.exit());
        return;
      }
      setTimeout(() => {
        // Set before reading: metrics written from now on ring again.
        Atomics.store(grew, 0, 0);
        follower.refresh();
      }, GATHERING);
    });
    post({ type: "ready", ready: follower.ready });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // The message ends with the remedy.
    post({ type: "refused", message: error.message.split("\n")[0]!, remedy: error.remedy });
    process.exit();
  }
}
