/** The newest readings of a machine, by the metrics that `withMachine` adds to a run. */

export interface GpuState {
  readonly index: string;
  /** In [0, 1]. */
  readonly utilization: number | undefined;
  /** Bytes in use. */
  readonly memory: number | undefined;
  readonly watts: number | undefined;
}

export interface MachineState {
  /** Part of all processors in use, in [0, 1]. */
  readonly cpu: number | undefined;
  /** Part that the run uses. */
  readonly processCpu: number | undefined;
  /** Bytes in use. */
  readonly memory: number | undefined;
  /** Bytes. */
  readonly diskFree: number | undefined;
  readonly gpus: readonly GpuState[];
  /** Energy of the GPUs. */
  readonly joules: number | undefined;
}

const GPU = /^machine\/gpu(\w+)\//;

/** Undefined where a node tells nothing of its machine. @param last The newest value of a metric. */
export function machineOf(
  names: Iterable<string>,
  last: (name: string) => number | undefined,
): MachineState | undefined {
  const found = [...names].filter((name) => name.startsWith("machine/"));
  if (found.length === 0) return undefined;
  const indices = new Set(found.flatMap((name) => GPU.exec(name)?.[1] ?? []));
  const of = (name: string) => last(`machine/${name}`);
  return {
    cpu: of("cpu"),
    processCpu: of("process_cpu"),
    memory: of("memory_bytes"),
    diskFree: of("disk_free_bytes"),
    gpus: [...indices].sort().map((index) => ({
      index,
      utilization: of(`gpu${index}/utilization`),
      memory: of(`gpu${index}/memory_bytes`),
      watts: of(`gpu${index}/watts`),
    })),
    joules: of("energy"),
  };
}
