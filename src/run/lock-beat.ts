/** Signs of life of a lock, from a thread of their own: a step of the run may take longer than others wait for one. */
import { Worker } from "node:worker_threads";
import { BEAT } from "./lock-owner.ts";

/**
 * The program is JavaScript, so that the thread needs nothing to start. Writing the same bytes sets the time by the
 * disk's clock.
 */
const PROGRAM = `
const { closeSync, openSync, readFileSync, utimesSync, writeSync } = require("node:fs");
const { parentPort, workerData: { path, text, every } } = require("node:worker_threads");
const attempt = (work) => { try { return work(); } catch (error) { return error.code; } };
const rewrite = () => { const file = openSync(path, "r+"); try { writeSync(file, text, 0); } finally { closeSync(file); } };
const timer = setInterval(() => {
  const found = attempt(() => ({ text: readFileSync(path, "utf8") }));
  if (found === "ENOENT" || (found.text !== undefined && found.text !== text)) {
    clearInterval(timer);
    parentPort.postMessage(found.text ?? "");
  } else if (found.text !== undefined && attempt(rewrite) !== undefined) attempt(() => utimesSync(path, new Date(), new Date()));
}, every);
`;

/**
 * Keeps the lock file `path` young for as long as it holds `text`.
 *
 * @param onLost Told once what the file holds instead; nothing when it is gone.
 * @returns A function that ends it.
 */
export function startBeat(path: string, text: string, onLost: (instead: string) => void, every = BEAT): () => void {
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: { path, text, every } });
  worker.on("message", onLost);
  worker.on("error", () => {}); // without a thread the lock only looks older than it is
  worker.unref();
  return () => {
    worker.off("message", onLost);
    void worker.terminate();
  };
}
