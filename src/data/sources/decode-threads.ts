/** Small PNG files decoded by threads, one a core: libvips takes longer to be asked than to decode them. */
import { Worker } from "node:worker_threads";
import { RunError } from "../../base/errors.ts";
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

/** A thread ended before it gave what it was asked for: no fault of an image. */
export class ThreadEndedError extends RunError {
  override readonly name = "ThreadEndedError";

  constructor(code: number, cause: Error | undefined) {
    super(
      `a thread that decodes images has ended with code ${code}${cause ? `: ${cause.message}` : ""}\n` +
        "  remedy: run the same command again; what it has finished is kept",
      { cause },
    );
  }
}

/** Files in one message: enough that it costs little, few enough that all threads have some. */
const MOST = 64;

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

function settle(jobs: readonly Job[], { pixels, results }: Decoded): void {
  let from = 0;
  for (const [i, result] of results.entries()) {
    if (typeof result === "string") jobs[i]!.reject(new RangeError(result));
    else if (!result) jobs[i]!.resolve(undefined);
    else jobs[i]!.resolve({ data: pixels.subarray(from, (from += pixelsOf(result))), shape: result });
  }
}

/** Threads that decode what is asked for in the same turn of the event loop together. */
export class DecodePool {
  readonly #program: URL;
  readonly #bytes: BytesJob[] = [];
  readonly #paths: PathJob[] = [];
  readonly #idle: Worker[] = [];
  /** The requests that threads work on. */
  readonly #work = new Map<Worker, readonly Job[]>();
  #planned = false;

  /** @param program It answers each `ToDecode` with a `Decoded`. */
  constructor(program: URL) {
    this.#program = program;
  }

  /** @throws RangeError for a damaged file; ThreadEndedError. */
  decode(bytes: Uint8Array): Promise<Picture> {
    return new Promise((resolve, reject) => {
      this.#bytes.push({ bytes, resolve: (picture) => resolve(picture!), reject });
      this.#plan();
    });
  }

  /** @returns Undefined for anything but a whole small PNG. @throws ThreadEndedError */
  read(path: FilePath): Promise<Picture | undefined> {
    return new Promise((resolve, reject) => {
      this.#paths.push({ path, resolve, reject });
      this.#plan();
    });
  }

  #plan(): void {
    if (!this.#planned) setImmediate(() => this.#dispatch());
    this.#planned = true;
  }

  /** Deals what waits out evenly. */
  #dispatch(): void {
    this.#planned = false;
    while (this.#bytes.length + this.#paths.length > 0) {
      const free = processors().count - this.#work.size;
      if (free <= 0) return;
      const share = ({ length }: readonly Job[]) => Math.min(MOST, Math.ceil(length / free));
      if (this.#bytes.length > 0) {
        const jobs = this.#bytes.splice(0, share(this.#bytes));
        const files = joined(jobs);
        this.#give(jobs, files, [files.bytes.buffer]);
      } else {
        const jobs = this.#paths.splice(0, share(this.#paths));
        this.#give(jobs, { paths: jobs.map(({ path }) => path) });
      }
    }
  }

  #give(jobs: readonly Job[], files: ToDecode, transferred: readonly ArrayBuffer[] = []): void {
    const worker = this.#idle.pop() ?? this.#start();
    this.#work.set(worker, jobs);
    worker.ref();
    worker.postMessage(files, transferred);
  }

  /** Starts a thread; one at rest does not keep the process from ending. */
  #start(): Worker {
    const worker = new Worker(threadProgram(this.#program), { execArgv: [] });
    let cause: Error | undefined;
    worker.on("message", (decoded: Decoded) => {
      const jobs = this.#take(worker);
      worker.unref();
      this.#idle.push(worker);
      settle(jobs, decoded);
      this.#dispatch();
    });
    worker.on("error", (error: Error) => (cause = error));
    worker.on("exit", (code) => {
      const [jobs, at] = [this.#take(worker), this.#idle.indexOf(worker)];
      if (at >= 0) this.#idle.splice(at, 1);
      for (const { reject } of jobs) reject(new ThreadEndedError(code, cause));
      this.#dispatch();
    });
    return worker;
  }

  #take(worker: Worker): readonly Job[] {
    const jobs = this.#work.get(worker) ?? [];
    this.#work.delete(worker);
    return jobs;
  }
}

/** Images decoded before threads are worth their start. */
const FIRST = 256;
let asked = 0;

/** True once so many images were asked for that threads are worth their start. */
export const worthThreads = (): boolean => processors().count > 1 && ++asked > FIRST;

const pool = new DecodePool(new URL("./decode-worker.ts", import.meta.url));

/** A small PNG, decoded by another thread. @throws RangeError when it is damaged; ThreadEndedError. */
export const decodeInThreads = (bytes: Uint8Array): Promise<Picture> => pool.decode(bytes);

/**
 * Like {@link decodeInThreads}, for a file that the other thread reads, too: this one would take longer to ask for its bytes.
 *
 * @returns Undefined for anything but a whole small PNG: it has to be read by other means, which find out what is wrong.
 * @throws ThreadEndedError
 */
export const readInThreads = (path: FilePath): Promise<Picture | undefined> => pool.read(path);
