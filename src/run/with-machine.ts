/** Tells of the machine beside a run's events. */
import { concatMap, defer, exhaustMap, finalize, interval, type MonoTypeOperatorFunction, type Observable, type SchedulerLike, tap } from "rxjs"; // prettier-ignore
import type { Reading } from "../metrics/meter.ts";
import { mergeWhile } from "./exchange.ts";
import { MachineReader } from "./machine.ts";
import { readGpus } from "./nvidia-smi.ts";
import type { RunContext, RunEvent } from "./pipeline.ts";

/** ms between readings. */
const PACE = 10_000;

/** Readings, and the energy of the GPUs so far where they tell it. */
export interface MachineReadings {
  readonly readings: readonly Reading[];
  /** J. */
  readonly joules: number;
}

export interface MachineReadingsOptions {
  readonly every?: number;
  readonly scheduler?: SchedulerLike;
  readonly env?: NodeJS.ProcessEnv;
}

/** Reads the machine of a run every 10 s; its GPUs where the engine computes there. Unsubscribing ends nvidia-smi too. */
export function machineReadings(
  { engine, workdir }: Pick<RunContext, "engine" | "workdir">,
  { every = PACE, scheduler, env = process.env }: MachineReadingsOptions = {},
): Observable<MachineReadings> {
  return defer(() => {
    const machine = new MachineReader({ workdir });
    const over = new AbortController();
    let asks = engine.name === "tensorflow-gpu";
    const read = async () => {
      const gpus = asks ? await readGpus(env, over.signal) : [];
      // Without nvidia-smi, or with one that hangs, the rest is told.
      asks &&= gpus !== undefined;
      return { readings: machine.read(gpus), joules: machine.joules };
    };
    return interval(every, scheduler).pipe(
      exhaustMap(read),
      finalize(() => over.abort()),
    );
  });
}

/** Adds readings to the events of a run, at the step of its newest metric, until the run ends. */
export function withMachine(machine: Observable<MachineReadings>): MonoTypeOperatorFunction<RunEvent> {
  return (source) =>
    defer(() => {
      let step = 0;
      const remember = (event: RunEvent) => {
        if (event.type === "metric") step = event.step;
        if (event.type === "result") step = event.values.steps ?? event.values.resumedFrom ?? step;
      };
      const events = machine.pipe(
        concatMap(({ readings, joules }): RunEvent[] => [
          ...readings.map((reading): RunEvent => ({ type: "metric", step, ...reading })),
          ...(joules > 0 ? [{ type: "result", values: { energyJoules: Math.round(joules) } } as const] : []),
        ]),
      );
      return mergeWhile(events, source.pipe(tap(remember)));
    });
}
