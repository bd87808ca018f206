/** A thread that simulates the nodes of some seeds, and tells which of them broke a promise. */
import { parentPort, workerData } from "node:worker_threads";
import { simulate } from "../exchange-simulation/simulate.ts";

/** Seeds from `first` on, below `end`, each `every`-th. */
export interface Seeds {
  readonly first: number;
  readonly end: number;
  readonly every: number;
}

const { first, end, every } = workerData as Seeds;
const lost: string[] = [];
for (let seed = first; seed < end; seed += every) {
  const { broken } = simulate(seed);
  if (broken !== undefined) lost.push(`seed ${seed}: ${broken}`);
}
parentPort!.postMessage(lost);
