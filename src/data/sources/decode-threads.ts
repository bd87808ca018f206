/** Small PNG files decoded by threads, one a core: libvips takes longer to be asked than to decode them. */
import { Worker } from "node:worker_threads";
import { processors } from "../../base/processors.ts";
import { threadProgram } from "../../base/thread-program.ts";
import type { Decoded, ToDecode } from "./decode-worker.ts";
import type { FilePath } from "./listing.ts";
import { pixelsOf, type Picture } from "./source.ts";

interface Job {
  readonly resolve: (picture: Picture | undefined) => void;
  readonly reject: (error: Error) => void;
}

interface BytesJob extends Job {
  readonly bytes: Uint8Array;
}

interface PathJob extends Job {
  readonly path: FilePath;
}

/** Files in one message: enough that it costs little, few enough that all threads have some. */
const MOST = 64;

const waiting: BytesJob[] = [];
const waitingPaths: PathJob[] = [];
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

/** The files of jobs, one behind the other. */
function joined(jobs: readonly BytesJob[]): { bytes: Uint8Array<ArrayBuffer>; lengths: number[] } {
  const bytes = new Uint8Array(jobs.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  for (const job of jobs) {
    bytes.set(job.bytes, at);
    at += job.bytes.length;
  }
  return { bytes, lengths: jobs.map(({ bytes }) => bytes.length) };
}

function give(worker: Worker, jobs: readonly Job[], files: ToDecode): void {
  const onMessage = ({ pixels, results }: Decoded) => {
    worker.off("error", onError);
    worker.unref();
    idle.push(worker);
    let from = 0;
    for (const [i, result] of results.entries()) {
      if (typeof result === "string") jobs[i]!.reject(new RangeError(result));
      else if (!result) jobs[i]!.resolve(undefined);
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
  worker.postMessage(files, "bytes" in files ? [files.bytes.buffer] : []);
}

/** Deals what waits out evenly. */
function dispatch(): void {
  planned = false;
  while (waiting.length + waitingPaths.length > 0) {
    const free = idle.length + processors().count - threads;
    if (free === 0) return;
    const share = ({ length }: readonly Job[]) => Math.min(MOST, Math.ceil(length / free));
    const worker = idle.pop() ?? start();
    if (waiting.length > 0) {
      const jobs = waiting.splice(0, share(waiting));
      give(worker, jobs, joined(jobs));
    } else {
      const jobs = waitingPaths.splice(0, share(waitingPaths));
      give(worker, jobs, { paths: jobs.map(({ path }) => path) });
    }
  }
}

function plan(): void {
  if (!planned) setImmediate(dispatch);
  planned = true;
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
    waiting.push({ bytes, resolve: (picture) => resolve(picture!), reject });
    plan();
  });
}

/**
 * Like {@link decodeInThreads}, for a file that the other thread reads, too: this one would take longer to ask for its bytes.
 *
 * @returns Undefined for anything but a whole small PNG: it has to be read by other means, which find out what is wrong.
 * @throws Error when the thread ends.
 */
export function readInThreads(path: FilePath): Promise<Picture | undefined> {
  return new Promise((resolve, reject) => {
    waitingPaths.push({ path, resolve, reject });
    plan();
  });
}
