/**
 * A run that trains so many steps when it is told to, and tells what they took.
 *
 * Waiting, its main thread is blocked: of several such runs only one works at a time.
 */
import { availableParallelism } from "node:os";
import { openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { processEnvironment } from "../../src/cli/environment.ts";
import { parseOptions } from "../../src/cli/options.ts";
import { run } from "../../src/cli/run.ts";

/** Times of the steps of a block, in s. */
export interface Block {
  readonly wall: number;
  readonly cpu: number;
  /** CPU time of all threads but the busiest, which compute: JavaScript, its compiler and collector, sockets, files. */
  readonly beside: number;
}

/** A line of standard output. */
export type Told = { readonly url: string } | { readonly served: string } | { readonly block: Block | null };

const [fifo, block, ...argv] = process.argv.slice(2);
const tell = (told: Told) => void writeSync(1, `${JSON.stringify(told)}\n`);

/** s that each thread has run. */
function threads(): Map<string, number> {
  const seconds = (thread: string) =>
    Number(readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e9;
  return new Map(readdirSync("/proc/self/task").map((thread) => [thread, seconds(thread)]));
}

const measure = () => ({ wall: performance.now() / 1000, threads: threads() });

/** The block between two measurements. */
function blockOf(before: ReturnType<typeof measure>, after: ReturnType<typeof measure>): Block {
  const each = [...after.threads].map(([thread, seconds]) => seconds - (before.threads.get(thread) ?? 0));
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const beside = each.toSorted((a, b) => b - a).slice(availableParallelism());
  return { wall: after.wall - before.wall, cpu: sum(each), beside: sum(beside) };
}

const commands = openSync(fifo!, "r");
let before: ReturnType<typeof measure> | undefined;
let steps = 0;

/** Called after each step. */
function step(): void {
  if (steps++ % Number(block) !== 0) return;
  const now = measure();
  tell({ block: before ? blockOf(before, now) : null });
  if (readSync(commands, Buffer.alloc(1)) === 0) process.exit(0);
  before = measure();
}

function message(text: string): void {
  const [, url] = /^page: (\S+)/.exec(text) ?? [];
  const [, served] = /is served at (\S+)/.exec(text) ?? [];
  if (url) tell({ url });
  if (served) tell({ served });
}

const environment = processEnvironment();
const options = parseOptions(argv, process.env);
await run({ ...options, name: options.name! }, environment, { message, stage() {}, progress: step, close() {} }, () => {}); // prettier-ignore
