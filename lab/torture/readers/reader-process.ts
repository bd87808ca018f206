/** A process that reads, with bounds on its memory and on its time. */
import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Answer, Asked } from "./child.ts";

const PROGRAM = fileURLToPath(new URL("child.ts", import.meta.url));
/** MiB of JavaScript's heap, and of all the memory of the process. */
const [HEAP, MEMORY] = [256, 1024];
/** Seconds of computing, and of waiting on a busy machine. */
const [COMPUTING, WAITING] = [5, 60];
/** Clock ticks a second, bytes of a page. */
const [TICKS, PAGE] = [100, 4096];
/** ms between two looks. */
const LOOK = 250;

/** Seconds that a process has computed, and MiB that it holds; undefined when it is gone. */
function costOf(pid: number): { readonly seconds: number; readonly memory: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      seconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      memory: (Number(fields[21]) * PAGE) / 2 ** 20,
    };
  } catch {
    return undefined;
  }
}

/** Reads in another process, which is started anew when it has to be ended. */
export class ReaderProcess {
  #child: ChildProcess | undefined;

  async #started(): Promise<ChildProcess> {
    if (this.#child) return this.#child;
    const execArgv = [...process.execArgv, `--max-old-space-size=${HEAP}`];
    const child = fork(PROGRAM, { execArgv, stdio: ["ignore", "ignore", "ignore", "ipc"] });
    await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("exit", (code) => reject(new Error(`the reader ended with ${code} before it began`)));
    });
    child.removeAllListeners("exit");
    return (this.#child = child);
  }

  /** What came of one file; besides answers, which bound was passed or how the process died. */
  async read(asked: Asked): Promise<Answer | `lost: ${string}`> {
    const child = await this.#started();
    const begun = costOf(child.pid!)?.seconds ?? 0;
    const since = performance.now();
    return new Promise((resolve) => {
      const end = (said: Answer | `lost: ${string}`) => {
        clearInterval(timer);
        child.removeAllListeners();
        if (said.startsWith("lost")) this.close();
        resolve(said);
      };
      const timer = setInterval(() => {
        const { seconds, memory } = costOf(child.pid!) ?? { seconds: 0, memory: 0 };
        const waited = (performance.now() - since) / 1000;
        if (memory > MEMORY) end(`lost: it took ${memory.toFixed(0)} MiB`);
        else if (seconds - begun > COMPUTING) end(`lost: it computed for ${COMPUTING} s`);
        else if (waited > WAITING) end(`lost: it did not end in ${WAITING} s`);
      }, LOOK);
      child.once("message", (said: Answer) => end(said));
      child.once("exit", (code, signal) => end(`lost: it ended by ${signal ?? code}`));
      child.send(asked);
    });
  }

  /** Ends the process. */
  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}
