import { concat, concatMap, defer, merge, startWith, type OperatorFunction } from "rxjs";
import { floats } from "../data/batch.ts";
import type { Meter } from "../metrics/meter.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import { isLogStep, nextWindow, type LogSteps, type LossWindow } from "../training/loss-window.ts";
import type { StepRecord } from "./adam.ts";
import type { Captured } from "./capture-state.ts";
import { requireAveraged, type Averaged } from "./ema.ts";

/** Options of {@link record}. */
export interface RecordOptions {
  /** Total number of steps of the run. */
  readonly steps: number;
  /** Steps between two reports of metrics. */
  readonly every: number;
  /** Images per step. */
  readonly batchSize: number;
  /** Steps per value, default 1; with local steps, those of a round. */
  readonly stride?: number;
  /** Stage name shown to the user, default "training". */
  readonly name?: string;
  /** First part of the metrics' names, default "train". */
  readonly prefix?: string;
  /** Unit of the loss, default "1". */
  readonly lossUnit?: string;
  /** Sums of the state from which training resumes, see `sumWindow`. */
  readonly window?: LossWindow | undefined;
  /** Meter to read at log steps. */
  readonly meter?: Meter | undefined;
  /** Milliseconds. */
  readonly now?: () => number;
  /** Returns the resident memory of the process, bytes. */
  readonly memory?: () => number;
}

/**
 * Reports progress after every step, and metrics at regular steps. Metrics are averages over the steps since the last
 * report; only the learning rate is that of the last step.
 *
 * `train/seconds_per_step`, images/s and `meter` exclude the first step after the start, which compiles the graph. They
 * also exclude the time in which training paused for a look, and the steps that ran ahead meanwhile. Log steps without
 * any other step have no speed.
 *
 * A step ends where `captureState` says, however long later stages hold its value back.
 *
 * If training resumes at a log step, the means of that step come first, because the interrupted run may not have
 * written them.
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
  window,
  meter,
  now = () => performance.now(),
  memory = () => process.memoryUsage.rss(),
}: RecordOptions): OperatorFunction<Averaged<StepRecord> & Pick<Captured, "endedAt">, RunEvent> {
  const log: LogSteps = { steps, every, stride };
  const means = ({ step, count, loss, gradNorm, learningRate }: LossWindow): RunEvent[] =>
    [
      { name: `${prefix}/loss`, value: loss / count, unit: lossUnit },
      { name: `${prefix}/grad_norm`, value: gradNorm / count, unit: "1" },
      { name: `${prefix}/learning_rate`, value: learningRate, unit: "1" },
    ].map((reading) => ({ type: "metric", step, ...reading }));
  const missed: RunEvent[] =
    window && isLogStep(window.step, log)
      ? [...means(window), { type: "result", values: { loss: window.loss / window.count } }]
      : [];
  const ofSteps = (last: number) => (meter?.ofSteps(last) ?? []).map((reading): RunEvent => ({ type: "metric", ...reading })); // prettier-ignore
  const histograms = (last: number) =>
    (meter?.histograms() ?? []).flatMap((reading): RunEvent[] =>
      reading.step <= last ? [{ type: "histogram", ...reading }] : [],
    );
  return (source) =>
    defer(() => {
      let sums = window;
      /** End of the last step, or of the pause after it; ms. */
      let ended: number | undefined;
      let paused = false;
      let span = { seconds: 0, steps: 0 };
      let secondsPerStep: number | undefined;
      const whole = { seconds: 0, steps: 0 };
      const events = source.pipe(
        concatMap((row): RunEvent[] => {
          requireAveraged("record", row);
          const step = row.info.step + 1;
          const value = (name: "loss" | "gradNorm" | "learningRate") => floats(row, name).data[0]!;
          const [one, gradNorm, learningRate] = [value("loss"), value("gradNorm"), value("learningRate")];
          // A state from other nodes has no sums, and those of this node's checkpoint are out of date.
          const before = sums?.step === step - stride ? sums : undefined;
          sums = nextWindow(before, { step, loss: one, gradNorm, learningRate }, log);
          const loss = sums.loss / sums.count;
          const { endedAt: at = now() } = row;
          const measured = ended !== undefined;
          if (!measured) meter?.read();
          // A step that began before the pause was over took the time of both.
          if (ended !== undefined && at > ended && !paused) {
            span.seconds += (at - ended) / 1000;
            span.steps += stride;
            secondsPerStep = span.seconds / span.steps;
          }
          const pauseEnd = meter?.pauseEnd();
          paused = pauseEnd !== undefined;
          ended = Math.max(ended ?? at, at, pauseEnd ?? at);
          const speed = secondsPerStep === undefined ? {} : { imagesPerSecond: batchSize / secondsPerStep };
          const events: RunEvent[] = [{ type: "progress", done: step, loss, ...speed }];
          if (!isLogStep(step, log)) return events;

          const metric = (key: string, value: number, unit: string) =>
            events.push({ type: "metric", name: `${prefix}/${key}`, step, value, unit });
          events.push(...means(sums));
          if (secondsPerStep !== undefined && span.steps > 0) {
            metric("seconds_per_step", secondsPerStep, "s");
            metric("images_per_second", batchSize / secondsPerStep, "1/s");
          }
          const readings = [
            ...((measured && meter?.read()) || []),
            { name: "process/rss_bytes", value: memory(), unit: "By" },
          ];
          events.push(...readings.map((reading): RunEvent => ({ type: "metric", step, ...reading })));
          events.push(...ofSteps(step));
          events.push(...histograms(Infinity));
          // The summary contains the mean of the whole run.
          whole.seconds += span.seconds;
          whole.steps += span.steps;
          const mean = whole.steps > 0 && { secondsPerStep: whole.seconds / whole.steps };
          events.push({ type: "result", values: { loss, ...mean } });
          span = { seconds: 0, steps: 0 };
          return events;
        }),
      );
      // By then, the earlier stages have reported what an interrupted run may not have written.
      const told = defer(() => ofSteps(window?.step ?? 0));
      // A stop may end the steps between two log steps; a resumed run does not report these again.
      const rest = defer(() => histograms(sums?.step ?? 0));
      return merge(concat(events, rest), told).pipe(
        startWith<RunEvent>({ type: "stage", name, total: steps, unit: "steps", phase: "training" }, ...missed),
      );
    });
}
