/** Small PNG files decoded by threads, one a core: libvips takes longer to be asked than to decode them. */
import { Worker } from "node:worker_threads";
import { processors } from "../../base/processors.ts";
import { threadProgram } from "../../base/thread-program.ts";
import type { Decoded, ToDecode } from "./decode-worker.ts";
import { pixelsOf, type Picture } from "./source.ts";

interface Job {
  readonly bytes: Uint8Array;
  readonly resolve: (picture: Picture) => void;
  readonly reject: (error: Error) => void;
}

/** Files in one message: enough that it costs little, few enough that all threads have some. */
const MOST = 64;

const waiting: Job[] = [];
const idle: Worker[] = [];
let threads = 0;
let planned = false;

/** Starts a thread; one at rest does not keep the process from ending. */
function start(): Worker {
  const worker = new Worker(threadProgram(new URL("./decode-worker.ts", import.meta.url)), { execArgv: [] });
  worker.unref();
  threads++;
  return worker;
}

function give(worker: Worker, jobs: readonly Job[]): void {
  const files: ToDecode = {
    bytes: new Uint8Array(jobs.reduce((sum, { bytes }) => sum + bytes.length, 0)),
    lengths: jobs.map(({ bytes }) => bytes.length),
  };
  let at = 0;
  for (const { bytes } of jobs) {
    files.bytes.set(bytes, at);
    at += bytes.length;
  }
  const onMessage = ({ pixels, results }: Decoded) => {
    worker.off("error", onError);
    worker.unref();
    idle.push(worker);
    let from = 0;
    for (const [i, result] of results.entries()) {
      if (typeof result === "string") jobs[i]!.reject(new RangeError(result));
      else jobs[i]!.resolve({ data: pixels.subarray(from, (from += pixelsOf(result))), shape: result });
    }
    dispatch();
  };
  const onError = (error: Error) => {
    worker.off("message", onMessage);
    threads--;
    for (const { reject } of jobs) reject(error);
    dispatch();
  };
  worker.once("message", onMessage);
  worker.once("error", onError);
  worker.ref();
  worker.postMessage(files, [files.bytes.buffer]);
}

/** Deals what waits out evenly. */
function dispatch(): void {
  planned = false;
  while (waiting.length > 0) {
    const free = idle.length + processors().count - threads;
    if (free === 0) return;
    give(idle.pop() ?? start(), waiting.splice(0, Math.min(MOST, Math.ceil(waiting.length / free))));
  }
}

/** Images decoded before threads are worth their start. */
const FIRST = 256;
let asked = 0;

/** True once so many images were asked for that threads are worth their start. */
export const worthThreads = (): boolean => processors().count > 1 && ++asked > FIRST;

/**
 * A small PNG, decoded by another thread together with those asked for in the same turn of the event loop.
 *
 * @throws RangeError when it is damaged; Error when the thread ends.
 */
export function decodeInThreads(bytes: Uint8Array): Promise<Picture> {
  return new Promise((resolve, reject) => {
    waiting.push({ bytes, resolve, reject });
    if (!planned) setImmediate(dispatch);
    planned = true;
  });
}
