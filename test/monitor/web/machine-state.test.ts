import { expect, it } from "vitest";
import { machineOf } from "../../../src/monitor/web/page/machine-state.ts";

const of = (values: Readonly<Record<string, number>>) => machineOf(Object.keys(values), (name) => values[name]);

it("finds what a machine tells, its GPUs in order", () => {
  const values = { "train/loss": 1, "machine/cpu": 0.5, "machine/process_cpu": 0.25, "machine/memory_bytes": 7, "machine/disk_free_bytes": 8, "machine/gpu1/watts": 70, "machine/gpu0/utilization": 1, "machine/gpu0/memory_bytes": 9, "machine/energy": 6 }; // prettier-ignore
  expect(of(values)).toEqual({
    ...{ cpu: 0.5, processCpu: 0.25, memory: 7, diskFree: 8, joules: 6 },
    gpus: [
      { index: "0", utilization: 1, memory: 9, watts: undefined },
      { index: "1", utilization: undefined, memory: undefined, watts: 70 },
    ],
  });
});

it("is none of a run that tells nothing of its machine", () => {
  expect(of({ "train/loss": 1 })).toBeUndefined();
  expect(of({ "machine/cpu": 1 })).toMatchObject({ gpus: [], joules: undefined });
});
