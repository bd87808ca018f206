import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  concat,
  firstValueFrom,
  lastValueFrom,
  of,
  Subject,
  throwError,
  timer,
  toArray,
  ignoreElements,
  type Observable,
} from "rxjs";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/load.ts";
import { MachineReader } from "../../src/run/machine.ts";
import { parseGpus, readGpus } from "../../src/run/nvidia-smi.ts";
import { machineReadings, withMachine, type MachineReadings } from "../../src/run/with-machine.ts";
import type { RunEvent } from "../../src/run/pipeline.ts";
import { temporaryFolder } from "../cli/fixture.ts";

/** A folder with an nvidia-smi that does this, in front of the PATH. */
function driver(script: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "nvidia-smi"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "nvidia-smi"), 0o755);
  return { PATH: `${folder}:${process.env["PATH"]}`, ...more };
}

const { signal } = new AbortController();
const byName = (readings: MachineReadings["readings"]) => Object.fromEntries(readings.map(({ name, value }) => [name, value])); // prettier-ignore

describe("nvidia-smi's answer", () => {
  it("has a line a GPU, in percent, MiB and watts", () => {
    expect(parseGpus("0, 35, 1024, 70.21\n3, 100, 2, 699.5\n")).toEqual([
      { index: "0", utilization: 0.35, memory: 2 ** 30, watts: 70.21 },
      { index: "3", utilization: 1, memory: 2 ** 21, watts: 699.5 },
    ]);
  });

  it("leaves out what a GPU does not tell, and lines of something else", () => {
    const [gpu, ...more] = parseGpus("0, [N/A], 10, [Not Supported]\nNo devices were found\n");
    expect(gpu).toEqual({ index: "0", utilization: undefined, memory: 10 * 2 ** 20, watts: undefined });
    expect(more).toEqual([]);
  });

  it("is asked of the GPUs that this process may use", async () => {
    const echo = driver('case "$*" in *--id=1,2*) echo "1, 5, 5, 5";; *--id*) ;; *) echo "0, 7, 7, 7";; esac');
    expect((await readGpus(echo, signal))!.map(({ index }) => index)).toEqual(["0"]);
    expect((await readGpus({ ...echo, CUDA_VISIBLE_DEVICES: "1,2" }, signal))!.map(({ index }) => index)).toEqual([
      "1",
    ]);
    expect(await readGpus({ ...echo, CUDA_VISIBLE_DEVICES: "" }, signal)).toEqual([]);
  });

  it("is none where it is missing or fails", async () => {
    expect(await readGpus({ PATH: temporaryFolder() }, signal)).toBeUndefined();
    expect(await readGpus(driver("exit 9"), signal)).toBeUndefined();
  });
});

describe("MachineReader", () => {
  it("reads processors, memory and disk", () => {
    const machine = new MachineReader({ workdir: temporaryFolder() });
    const until = performance.now() + 60;
    while (performance.now() < until);
    const { "machine/cpu": cpu, "machine/process_cpu": own, ...rest } = byName(machine.read());
    if (cpu !== undefined) expect(cpu > 0 && cpu <= 1).toBe(true);
    expect(own! > 0.2 / 64 && own! <= 1.5).toBe(true);
    expect(Object.keys(rest)).toEqual(["machine/memory_bytes", "machine/disk_free_bytes"]);
    expect(Object.values(rest).every((value) => value > 2 ** 20)).toBe(true);
  });

  it("sums the energy of the GPUs over the time between readings", () => {
    let now = 0;
    const machine = new MachineReader({ workdir: temporaryFolder(), now: () => now });
    const gpu = { utilization: 0.5, memory: 7, watts: 300 };
    now = 10_000;
    machine.read([
      { index: "0", ...gpu },
      { index: "1", ...gpu, watts: 100 },
    ]);
    now = 12_000;
    const read = byName(
      machine.read([
        { index: "0", ...gpu },
        { index: "1", ...gpu, watts: undefined },
      ]),
    );
    expect(read).toMatchObject({
      "machine/gpu0/utilization": 0.5,
      "machine/gpu1/memory_bytes": 7,
      "machine/energy": 4600,
    });
    expect(read).not.toHaveProperty("machine/gpu1/watts");
    expect(machine.joules).toBe(10 * 400 + 2 * 300);
  });

  it("tells no energy where no GPU tells its power, and no disk of a folder that is gone", () => {
    const machine = new MachineReader({ workdir: "/nowhere" });
    const names = Object.keys(byName(machine.read([{ index: "0", utilization: 1, memory: 1, watts: undefined }])));
    expect(names).not.toContain("machine/energy");
    expect(names).not.toContain("machine/disk_free_bytes");
  });
});

describe("the machine beside a run", () => {
  const metric = (step: number): RunEvent => ({ type: "metric", name: "train/loss", step, value: 1, unit: "1" });
  const some: MachineReadings = { readings: [{ name: "machine/cpu", value: 0.5, unit: "1" }], joules: 0 };

  it("is told at the step of the newest metric, and ends with the run", async () => {
    const [run, machine] = [new Subject<RunEvent>(), new Subject<MachineReadings>()];
    const all = lastValueFrom(run.pipe(withMachine(machine), toArray()));
    machine.next(some);
    run.next({ type: "result", values: { resumedFrom: 4 } });
    machine.next(some);
    run.next(metric(7));
    machine.next({ ...some, joules: 12.4 });
    run.complete();
    expect(machine.observed).toBe(false);
    const told = (await all).flatMap((event) => (event.type === "metric" ? [[event.name, event.step]] : []));
    expect(told).toEqual([
      ["machine/cpu", 0],
      ["machine/cpu", 4],
      ["train/loss", 7],
      ["machine/cpu", 7],
    ]);
    expect((await all).at(-1)).toEqual({ type: "result", values: { energyJoules: 12 } });
  });

  it("passes an error of the run on, and stops reading", async () => {
    const machine = new Subject<MachineReadings>();
    const failing = concat(
      of(metric(1)),
      throwError(() => new Error("boom")),
    );
    await expect(lastValueFrom(failing.pipe(withMachine(machine)))).rejects.toThrow("boom");
    expect(machine.observed).toBe(false);
  });

  const context = (name: string) => ({ engine: { name } as Engine, workdir: temporaryFolder() });

  it("asks the GPUs only where the engine computes there", async () => {
    const env = driver('echo "0, 50, 1, 200"');
    const read = async (name: string) => (await firstValueFrom(machineReadings(context(name), { every: 5, env }))).readings; // prettier-ignore
    expect(byName(await read("tensorflow-gpu"))["machine/gpu0/watts"]).toBe(200);
    expect(byName(await read("tensorflow"))).not.toHaveProperty("machine/gpu0/watts");
  });

  it("waits for a slow nvidia-smi rather than start another, and ends it with the run", async () => {
    const folder = temporaryFolder();
    const env = driver(`echo $$ >> ${folder}/pids; exec sleep 60`);
    const readings = machineReadings(context("tensorflow-gpu"), { every: 5, env });
    const seen: RunEvent[] = await lastValueFrom(
      (timer(300).pipe(ignoreElements()) as Observable<never>).pipe(withMachine(readings), toArray()),
    );
    expect(seen).toEqual([]);
    const pids = readFileSync(join(folder, "pids"), "utf8").trim().split("\n").map(Number);
    expect(pids).toHaveLength(1);
    await expect.poll(() => alive(pids[0]!)).toBe(false);
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
