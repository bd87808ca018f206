/** Signs of life in a run's record, from a thread of their own: a step may take longer than a watcher waits for one. */
import { Worker } from "node:worker_threads";
import { HEARTBEAT, type RunState } from "../metrics/run-state.ts";

/**
 * In JavaScript, so that the thread needs nothing to start. What it writes is the last state it was told, by the time
 * that has passed since; a beat that cannot be written is left out, and the next begins a new line.
 */
const PROGRAM = `
const { appendFileSync } = require("node:fs");
const { parentPort, workerData: { path, every } } = require("node:worker_threads");
let state, told = 0, torn = "";
parentPort.on("message", (next) => { state = next; told = performance.now(); });
const round = (seconds) => Math.round(10 * seconds) / 10;
setInterval(() => {
  if (!state) return;
  const passed = (performance.now() - told) / 1000;
  const less = (left) => left === undefined ? undefined : round(Math.max(0, left - passed));
  const { secondsLeft, runSecondsLeft, seconds, runSeconds, idleSeconds, phase, phases } = state;
  const beat = {
    ...state,
    time: new Date().toISOString(),
    seconds: round(seconds + passed), secondsLeft: less(secondsLeft),
    runSeconds: round(runSeconds + passed), runSecondsLeft: less(runSecondsLeft),
    idleSeconds: round(idleSeconds + passed),
    phases: phases.map((row) => row.phase === phase ? { ...row, seconds: round(row.seconds + passed), secondsLeft: less(row.secondsLeft) } : row),
  };
  try {
    appendFileSync(path, torn + JSON.stringify({ state: beat }) + "\\n");
    torn = "";
  } catch { torn = "\\n"; }
}, every);
`;

export interface Heart {
  /** Sets the state that the next beats tell. */
  show(state: RunState): void;
  /** Resolves when no more beats come. */
  stop(): Promise<void>;
}

/** @param path The run's record. @param every ms. */
export function startHeart(path: string, every = HEARTBEAT): Heart {
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: { path, every } });
  worker.on("error", () => {}); // without a thread a long step only looks like a run that is lost
  worker.unref();
  return {
    show: (state) => worker.postMessage(state),
    async stop() {
      await worker.terminate();
    },
  };
}
