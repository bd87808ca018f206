/** The event files of a run, for TensorBoard. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { HistogramReading } from "../metrics/meter.ts";
import type { Metric } from "../metrics/metric.ts";
import type { MetricSink } from "../metrics/metric-sink.ts";
import { EventWriter } from "../monitor/tensorboard/event-writer.ts";
import type { Hyperparameter } from "../monitor/tensorboard/hparams.ts";
import { fieldsWith } from "./own-fields.ts";
import { namingFile } from "../base/naming-file.ts";
import { MACHINE } from "./machine.ts";
import type { RunContext, Summary } from "./pipeline.ts";
import { valueAt } from "./resolve-config.ts";

type Context = Pick<RunContext, "workdir" | "mode" | "name" | "preset" | "config" | "fields">;

/** The configuration field by field; lists as text, unset fields left out. */
function hyperparameters({ name, preset, config, fields }: Context): Record<string, Hyperparameter> {
  const values = fieldsWith(fields).flatMap((field) => {
    const value = valueAt(config, field.name) as Hyperparameter | readonly number[] | undefined;
    return value === undefined ? [] : [[field.name, typeof value === "object" ? value.join(",") : value] as const];
  });
  return { pipeline: name, preset: preset ?? "none", ...Object.fromEntries(values) };
}

/** End of the name of a file that says only that the run has failed. */
const FAILED = ".failed";

/** Steps of the dequantizer's training are its own: it is a run of its own for TensorBoard. */
const folderOf = ({ workdir, mode }: Context) =>
  join(workdir, "tensorboard", ...(mode === "train_deq" ? ["flowpp_dequantizer"] : []));

/**
 * Writes a run's metrics, sample grids, histograms and hyperparameters to `tensorboard/` of its workdir, into a file of its own
 * that begins with the first of them.
 *
 * All methods but {@link RunBoard.failed} throw what the file system says.
 */
export class RunBoard {
  readonly #context: Context;
  #writer: EventWriter | undefined;
  #step = 0;
  #resumedFrom = 0;
  /** The file says at which step it begins. */
  #begun = false;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Takes a metric before `sink` does. */
  before(sink: MetricSink): MetricSink {
    return {
      push: (metric) => {
        this.#metric(metric);
        sink.push(metric);
      },
      close: () => sink.close(),
    };
  }

  /** Takes what becomes known for the summary: a PNG grid of samples is shown. */
  result({ steps, resumedFrom, samples }: Partial<Summary>): void {
    this.#step = steps ?? this.#step;
    this.#resumedFrom = resumedFrom ?? this.#resumedFrom;
    if (!samples?.endsWith(".png")) return;
    const png = readFileSync(samples);
    this.#write((writer) => writer.image("samples", this.#step, png));
  }

  histogram({ name, step, counts }: HistogramReading): void {
    this.#write((writer) => writer.histogram(name, step, counts));
  }

  /** Says that the run has come to its end. */
  finished(): void {
    if (this.#writer) this.#write((writer) => writer.end("STATUS_SUCCESS"));
  }

  /**
   * Says that the run has failed, in a file of its own that is gone once the run goes on.
   *
   * What the file system says is not thrown: it must not hide the error that the run failed with.
   */
  failed(): void {
    if (!this.#writer) return;
    try {
      const failure = new EventWriter(folderOf(this.#context), undefined, FAILED);
      failure.end("STATUS_FAILURE");
      failure.close();
    } catch {
      // Then TensorBoard shows a run without an end.
    }
  }

  close(): void {
    this.#writer?.close();
  }

  #metric({ name, step, value, time }: Metric): void {
    // The machine is read while the data load, when it is not known at which step the training goes on.
    const early = name.startsWith(MACHINE);
    this.#write((writer) => writer.scalar(name, step, value, Date.parse(time) / 1000), early);
  }

  #write(add: (writer: EventWriter) => void, early = false): void {
    const writer = (this.#writer ??= this.#open());
    namingFile(writer.path, () => {
      if (!early) this.#begin(writer);
      add(writer);
    });
  }

  #begin(writer: EventWriter): void {
    if (!this.#begun && this.#context.mode === "train") writer.start(this.#resumedFrom + 1);
    this.#begun = true;
  }

  #open(): EventWriter {
    const folder = folderOf(this.#context);
    const writer = namingFile(folder, () => new EventWriter(folder));
    for (const name of readdirSync(folder)) if (name.endsWith(FAILED)) rmSync(join(folder, name));
    namingFile(writer.path, () => writer.hparams(hyperparameters(this.#context)));
    return writer;
  }
}
