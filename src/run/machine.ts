/** Measures the use that a run makes of its machine: processors, memory, disk, GPUs, energy. */
import { statfsSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import type { Reading } from "../metrics/meter.ts";
import type { GpuReading } from "./nvidia-smi.ts";

/** Times of all processors since the start of the machine, ms. */
function processorTimes() {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    busy += sum - times.idle;
    all += sum;
  }
  return { busy, all };
}

/** First part of the names of its metrics. */
export const MACHINE = "machine/";

export interface MachineOptions {
  /** Folder of the run, for its disk. */
  readonly workdir: string;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** Follows the machine from the first reading on; rates are those since the reading before. */
export class MachineReader {
  readonly #workdir: string;
  readonly #now: () => number;
  #time: number;
  #times = processorTimes();
  #own = process.cpuUsage();
  #joules = 0;

  constructor({ workdir, now = () => performance.now() }: MachineOptions) {
    this.#workdir = workdir;
    this.#now = now;
    this.#time = now();
  }

  /** Energy of the GPUs so far, J. */
  get joules(): number {
    return this.#joules;
  }

  read(gpus: readonly GpuReading[] = []): Reading[] {
    const now = this.#now();
    const seconds = (now - this.#time) / 1000;
    this.#time = now;
    const [times, own] = [processorTimes(), process.cpuUsage(this.#own)];
    const part = (times.busy - this.#times.busy) / (times.all - this.#times.all);
    this.#times = times;
    this.#own = process.cpuUsage();
    const readings: Reading[] = [];
    const add = (name: string, value: number | undefined, unit: string) => {
      if (value !== undefined && Number.isFinite(value)) readings.push({ name: `${MACHINE}${name}`, value, unit });
    };
    add("cpu", part, "1");
    add("process_cpu", (own.user + own.system) / 1e6 / seconds / availableParallelism(), "1");
    add("memory_bytes", totalmem() - freemem(), "By");
    add("disk_free_bytes", this.#diskFree(), "By");
    for (const { index, utilization, memory, watts } of gpus) {
      add(`gpu${index}/utilization`, utilization, "1");
      add(`gpu${index}/memory_bytes`, memory, "By");
      add(`gpu${index}/watts`, watts, "W");
      this.#joules += (watts ?? 0) * seconds;
    }
    if (gpus.some(({ watts }) => watts !== undefined)) add("energy", this.#joules, "J");
    return readings;
  }

  /** Undefined where the file system does not tell. */
  #diskFree(): number | undefined {
    try {
      const { bavail, bsize } = statfsSync(this.#workdir);
      return bavail * bsize;
    } catch {
      return undefined;
    }
  }
}
