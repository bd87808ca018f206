/** Simulated nodes of the exchange, with faults that follow from seeds. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { threadProgram } from "../../src/base/thread-program.ts";
import type { Case, Part, Scale } from "./part.ts";
import type { Seeds } from "./simulations.ts";

/** Seeds of one case, and cases. */
const SEEDS = 10_000;
const CASES: Record<Scale, number> = { quick: 1, full: 100 };

/** Simulates some seeds in a thread. @returns What was broken, a line a seed. */
const inThread = (seeds: Seeds): Promise<string[]> =>
  new Promise((done, failed) => {
    const thread = new Worker(threadProgram(new URL("./simulations.ts", import.meta.url)), { workerData: seeds });
    // A thread that ends by itself gives no message.
    const ended = (code: number) => failed(new Error(`a thread of simulations has ended with code ${code}`));
    thread.once("message", done).once("error", failed).once("exit", ended);
  });

export const exchangePart: Part = {
  summary: "simulated nodes that die, freeze and return",
  cases: (scale, seed) =>
    Array.from({ length: CASES[scale] }, (_, i): Case => {
      const first = 1 + SEEDS * (i + CASES[scale] * (seed - 1));
      const end = first + SEEDS;
      return {
        name: `nodes of seeds ${first} to ${end - 1}`,
        async run() {
          const every = availableParallelism();
          const threads = Array.from({ length: every }, (_, thread) => inThread({ first: first + thread, end, every }));
          return { tries: SEEDS, lost: (await Promise.all(threads)).flat() };
        },
      };
    }),
};
