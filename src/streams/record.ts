import { concatMap, defer, startWith, type OperatorFunction } from "rxjs";
import { floats } from "../data/batch.ts";
import type { Meter } from "../metrics/meter.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import type { StepRecord } from "./adam.ts";
import type { Averaged } from "./ema.ts";

/** Options of {@link record}. */
export interface RecordOptions {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Steps between metrics. */
  readonly every: number;
  /** Images in a step. */
  readonly batchSize: number;
  /** Steps behind each value, default 1: a round of local steps. */
  readonly stride?: number;
  /** Stage as people read it, default "training". */
  readonly name?: string;
  /** First part of the metrics' names, default "train". */
  readonly prefix?: string;
  /** Unit of the loss, default "1". */
  readonly lossUnit?: string;
  /** Read at log steps. */
  readonly meter?: Meter | undefined;
  /** Milliseconds. */
  readonly now?: () => number;
  /** Resident memory of the process, bytes. */
  readonly memory?: () => number;
}

/**
 * Reports how training goes: progress after every step, and every so many steps the metrics, averaged over the steps
 * since the last ones; the learning rate is that of the last step.
 *
 * `train/seconds_per_step`, the images/s and `meter` leave out the first step after the start, which compiles the graph,
 * and the time in which training stood still.
 *
 * @example
 * ```ts
 * averagedSteps.pipe(record({ steps: 250_000, every: 100, batchSize: 128, meter }));
 * ```
 * @returns Progress and the metrics `train/...`; seconds, images/s and bytes where the name says so.
 */
export function record({
  steps,
  every,
  batchSize,
  stride = 1,
  name = "training",
  prefix = "train",
  lossUnit = "1",
  meter,
  now = () => performance.now(),
  memory = () => process.memoryUsage.rss(),
}: RecordOptions): OperatorFunction<Averaged<StepRecord>, RunEvent> {
  return (source) =>
    defer(() => {
      let sum = 0;
      let norms = 0;
      let count = 0;
      let stood = 0;
      let clock: { time: number; steps: number } | undefined;
      let secondsPerStep: number | undefined;
      return source.pipe(
        concatMap((row): RunEvent[] => {
          const step = row.info.step + 1;
          sum += floats(row, "loss").data[0]!;
          norms += floats(row, "gradNorm").data[0]!;
          count++;
          const measured = clock !== undefined;
          if (clock) clock.steps += stride;
          clock ??= { time: now(), steps: 0 };
          if (!measured) meter?.read();
          const loss = sum / count;
          stood += meter?.held() ?? 0;
          if (clock.steps > 0) secondsPerStep = (now() - clock.time - stood) / 1000 / clock.steps;
          const speed = secondsPerStep === undefined ? {} : { imagesPerSecond: batchSize / secondsPerStep };
          const events: RunEvent[] = [{ type: "progress", done: step, loss, ...speed }];
          const due = Math.floor(step / every) > Math.floor((step - stride) / every);
          if (!due && step !== steps) return events;

          const metric = (key: string, value: number, unit: string) =>
            events.push({ type: "metric", name: `${prefix}/${key}`, step, value, unit });
          metric("loss", loss, lossUnit);
          metric("grad_norm", norms / count, "1");
          metric("learning_rate", floats(row, "learningRate").data[0]!, "1");
          if (secondsPerStep !== undefined) {
            metric("seconds_per_step", secondsPerStep, "s");
            metric("images_per_second", batchSize / secondsPerStep, "1/s");
          }
          const readings = [
            ...((measured && meter?.read()) || []),
            { name: "process/rss_bytes", value: memory(), unit: "By" },
          ];
          events.push(...readings.map((reading): RunEvent => ({ type: "metric", step, ...reading })));
          for (const reading of meter?.histograms() ?? []) events.push({ type: "histogram", ...reading });
          events.push({ type: "result", values: { loss, ...(secondsPerStep && { secondsPerStep }) } });
          [sum, norms, count, stood, clock] = [0, 0, 0, 0, { time: now(), steps: 0 }];
          return events;
        }),
        startWith<RunEvent>({ type: "stage", name, total: steps, unit: "steps", phase: "training" }),
      );
    });
}
