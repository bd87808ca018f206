/** Small PNG files decoded by threads, one a core: libvips takes longer to be asked than to decode them. */
import { Worker } from "node:worker_threads";
import { RunError } from "../../base/errors.ts";
import { processors } from "../../base/processors.ts";
import { threadProgram } from "../../base/thread-program.ts";
import type { Decoded, ToDecode } from "./decode-worker.ts";
import type { FilePath } from "./listing.ts";
import { pixelsOf, type Picture, type Shape } from "./source.ts";

interface BytesJob {
  readonly bytes: Uint8Array;
  readonly resolve: (picture: Picture) => void;
  readonly reject: (error: Error) => void;
}

interface PathsJob {
  readonly paths: readonly FilePath[];
  readonly resolve: (pictures: readonly (Picture | undefined)[]) => void;
  readonly reject: (error: Error) => void;
}

/** A message for a thread, and what becomes of its answer. */
interface Task {
  readonly files: ToDecode;
  readonly done: (decoded: Decoded) => void;
  readonly fail: (error: Error) => void;
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

/** Files of bytes in one message: enough that it costs little, few enough that all threads have some. */
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

/** The picture of each file; undefined where there is none. */
function picturesOf({ pixels, shapes }: Decoded): (Picture | undefined)[] {
  let from = 0;
  return Array.from({ length: shapes.length / 3 }, (_, i) => {
    const shape: Shape = [shapes[3 * i]!, shapes[3 * i + 1]!, shapes[3 * i + 2]!];
    const count = pixelsOf(shape);
    return count === 0 ? undefined : { data: pixels.subarray(from, (from += count)), shape };
  });
}

function taskOfBytes(jobs: readonly BytesJob[]): Task {
  return {
    files: joined(jobs),
    done: (decoded) => {
      for (const [i, picture] of picturesOf(decoded).entries()) {
        if (picture) jobs[i]!.resolve(picture);
        else jobs[i]!.reject(new RangeError(decoded.faults.get(i)));
      }
    },
    fail: (error) => jobs.forEach(({ reject }) => reject(error)),
  };
}

const taskOfPaths = ({ paths, resolve, reject }: PathsJob): Task => ({
  files: { paths },
  done: (decoded) => resolve(picturesOf(decoded)),
  fail: reject,
});

/** Threads that decode what is asked for in the same turn of the event loop together. */
export class DecodePool {
  readonly #program: URL;
  readonly #bytes: BytesJob[] = [];
  readonly #paths: PathsJob[] = [];
  readonly #idle: Worker[] = [];
  /** What each thread works on. */
  readonly #work = new Map<Worker, Task>();
  #planned = false;

  /** @param program It answers each `ToDecode` with a `Decoded`. */
  constructor(program: URL) {
    this.#program = program;
  }

  /** @throws RangeError for a damaged file; ThreadEndedError. */
  decode(bytes: Uint8Array): Promise<Picture> {
    return new Promise((resolve, reject) => {
      this.#bytes.push({ bytes, resolve, reject });
      this.#plan();
    });
  }

  /** @returns For each file its picture; undefined for anything but a whole small PNG. @throws ThreadEndedError */
  read(paths: readonly FilePath[]): Promise<readonly (Picture | undefined)[]> {
    return new Promise((resolve, reject) => {
      this.#paths.push({ paths, resolve, reject });
      this.#plan();
    });
  }

  #plan(): void {
    if (!this.#planned) setImmediate(() => this.#dispatch());
    this.#planned = true;
  }

  /** Deals what waits out: bytes evenly, files as they were asked for. */
  #dispatch(): void {
    this.#planned = false;
    for (let free = processors().count - this.#work.size; free > 0; free--) {
      const some = this.#bytes.splice(0, Math.min(MOST, Math.ceil(this.#bytes.length / free)));
      const paths = some.length > 0 ? undefined : this.#paths.shift();
      if (some.length === 0 && !paths) return;
      this.#give(paths ? taskOfPaths(paths) : taskOfBytes(some));
    }
  }

  #give(task: Task): void {
    const worker = this.#idle.pop() ?? this.#start();
    this.#work.set(worker, task);
    worker.ref();
    worker.postMessage(task.files, "bytes" in task.files ? [task.files.bytes.buffer] : []);
  }

  /** Starts a thread; one at rest does not keep the process from ending. */
  #start(): Worker {
    const worker = new Worker(threadProgram(this.#program), { execArgv: [] });
    let cause: Error | undefined;
    worker.on("message", (decoded: Decoded) => {
      const task = this.#take(worker);
      worker.unref();
      this.#idle.push(worker);
      task?.done(decoded);
      this.#dispatch();
    });
    worker.on("error", (error: Error) => (cause = error));
    worker.on("exit", (code) => {
      const [task, at] = [this.#take(worker), this.#idle.indexOf(worker)];
      if (at >= 0) this.#idle.splice(at, 1);
      task?.fail(new ThreadEndedError(code, cause));
      this.#dispatch();
    });
    return worker;
  }

  #take(worker: Worker): Task | undefined {
    const task = this.#work.get(worker);
    this.#work.delete(worker);
    return task;
  }
}

/** Images decoded before threads are worth their start. */
const FIRST = 256;
let asked = 0;

/** True once so many images were asked for that threads are worth their start. */
export const worthThreads = (count = 1): boolean => processors().count > 1 && (asked += count) > FIRST;

const pool = new DecodePool(new URL("./decode-worker.ts", import.meta.url));

/** A small PNG, decoded by another thread. @throws RangeError when it is damaged; ThreadEndedError. */
export const decodeInThreads = (bytes: Uint8Array): Promise<Picture> => pool.decode(bytes);

/**
 * Like {@link decodeInThreads}, for files that the other thread reads, too: this one would take longer to ask for their
 * bytes.
 *
 * @returns For each file its picture; undefined for anything but a whole small PNG: it has to be read by other means,
 *   which find out what is wrong.
 * @throws ThreadEndedError
 */
export const readInThreads = (paths: readonly FilePath[]): Promise<readonly (Picture | undefined)[]> =>
  pool.read(paths);
