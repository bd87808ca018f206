/** The protocol between the bench and the programs it measures: one line of JSON a request, one an answer. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export interface Request {
  readonly do:
    "about" | "read" | "shuffled" | "train" | "likelihood" | "sample" | "memory" | "stages" | "copy" | "exchange";
  /** Steps of `train`. */
  readonly steps?: number;
  /** Smallest time, of `likelihood` and `sample`. */
  readonly eps?: number;
  /** Relative and absolute, of the solver. */
  readonly tolerance?: number;
  /** Files of `read` and `shuffled`. */
  readonly files?: readonly string[];
  /** Rows, of `shuffled`. */
  readonly batch?: number;
  /** Batches of `stages`. */
  readonly batches?: number;
}

/** Time of one stage. */
export interface StageTime {
  readonly name: string;
  /** A batch. */
  readonly seconds: number;
  /** That come out, a batch. */
  readonly bytes: number;
}

export interface Answer {
  readonly name?: string;
  readonly version?: string;
  readonly parameters?: number;
  /** Seconds. */
  readonly wall?: number;
  /** Seconds of processor time, all threads. */
  readonly cpu?: number;
  readonly losses?: readonly number[];
  /** log p in nats, or the mean of each sample. */
  readonly values?: readonly number[];
  /** Evaluations of the network. */
  readonly evaluations?: number;
  /** Peak of the resident memory, bytes. */
  readonly peak?: number;
  /** Bytes of it, left out of `peak`, that libraries for GPUs take. */
  readonly unusedLibraries?: number;
  readonly stages?: readonly StageTime[];
  /** Bytes of `read` and `shuffled`. */
  readonly bytes?: number;
}

type Handler = (request: Request) => Promise<Answer>;

/** Adds wall and processor seconds to the answer of `run`. */
export async function measured(run: () => Promise<Answer>): Promise<Answer> {
  const usage = process.cpuUsage();
  const started = performance.now();
  const answer = await run();
  const wall = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(usage);
  return { ...answer, wall, cpu: (user + system) / 1e6 };
}

/** The kernel's VmHWM. */
function peakMemory(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))!;
  return Number(kilobytes) * 1024;
}

/** Answers requests from standard input until it ends. */
export async function serve(handlers: Partial<Record<Request["do"], Handler>>): Promise<void> {
  const all = { memory: async () => ({ peak: peakMemory(), unusedLibraries: 0 }), ...handlers };
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    process.stdout.write(`${JSON.stringify(await all[request.do]!(request))}\n`);
  }
}
