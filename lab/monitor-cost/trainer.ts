/**
 * A run that trains so many steps when it is told to, and tells what they took.
 *
 * Waiting, its main thread is blocked: of several such runs only one works at a time.
 */
import { openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { processEnvironment } from "../../src/cli/environment.ts";
import { parseOptions } from "../../src/cli/options.ts";
import { run } from "../../src/cli/run.ts";

/** Times of the steps of a block, in s. */
export interface Block {
  readonly wall: number;
  readonly cpu: number;
  /** CPU time of the threads that are not TensorFlow's: JavaScript, its compiler and collector, sockets and files. */
  readonly beside: number;
}

/** A line of standard output. */
export type Told = { readonly url: string } | { readonly served: string } | { readonly block: Block | null };

const [fifo, block, ...argv] = process.argv.slice(2);
const tell = (told: Told) => void writeSync(1, `${JSON.stringify(told)}\n`);

/** s that the threads have run. */
function threads(): Pick<Block, "cpu" | "beside"> {
  let [cpu, beside] = [0, 0];
  for (const thread of readdirSync("/proc/self/task")) {
    const read = (name: string) => readFileSync(`/proc/self/task/${thread}/${name}`, "utf8");
    const seconds = Number(read("schedstat").split(" ")[0]) / 1e9;
    cpu += seconds;
    if (!read("comm").startsWith("tf_")) beside += seconds;
  }
  return { cpu, beside };
}

const measure = () => ({ wall: performance.now() / 1000, ...threads() });
const commands = openSync(fifo!, "r");
let before: Block | undefined;
let steps = 0;

/** Called after each step. */
function step(): void {
  if (steps++ % Number(block) !== 0) return;
  const now = measure();
  tell({ block: before ? { wall: now.wall - before.wall, cpu: now.cpu - before.cpu, beside: now.beside - before.beside } : null }); // prettier-ignore
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
