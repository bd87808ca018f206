/** Event files, which TensorBoard shows. */
import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { hparamsSummary, sessionEndSummary, type Hyperparameter } from "./hparams.ts";
import { encodeEvent, type EventMessage, type SessionStatus, type SummaryValue } from "./messages.ts";
import type { HistogramMessage } from "../../metrics/histogram.ts";
import { pngImage } from "./png-image.ts";
import { tfRecord } from "./tfrecord.ts";

const NAME = /^events\.out\.tfevents\.(\d{10})\./;

/** TensorBoard reads the files of a folder in the order of their names: so a new one begins with a later second. */
function nextName(folder: string, seconds: number): string {
  const before = readdirSync(folder).map((name) => Number(NAME.exec(name)?.[1] ?? 0));
  const second = Math.max(Math.floor(seconds), ...before.map((other) => other + 1));
  return `events.out.tfevents.${String(second).padStart(10, "0")}.${hostname()}.${process.pid}`;
}

/**
 * Writes a new event file into a folder; each event is in the file when its method returns.
 *
 * Steps are optimizer steps, times seconds since 1970. All methods throw what the file system says.
 */
export class EventWriter {
  readonly path: string;
  readonly #now: () => number;
  readonly #file: number;

  /**
   * @param folder Made where it is missing.
   * @param ending Of the file's name.
   */
  constructor(folder: string, now: () => number = () => Date.now() / 1000, ending = "") {
    mkdirSync(folder, { recursive: true });
    this.#now = now;
    this.path = join(folder, nextName(folder, now()) + ending);
    this.#file = openSync(this.path, "wx");
    this.#write({ wallTime: now(), fileVersion: "brain.Event:2" });
  }

  /** Says that the run goes on at `step`: TensorBoard drops what it has of this and later steps from earlier files. */
  start(step: number): void {
    this.#write({ wallTime: this.#now(), step, sessionLog: { status: "START" } });
  }

  /** @param value Kept as float32. */
  scalar(tag: string, step: number, value: number, time = this.#now()): void {
    this.#summary(step, { tag, simpleValue: value }, time);
  }

  /** @param png The bytes of a PNG file. @throws RangeError when they are none. */
  image(tag: string, step: number, png: Uint8Array): void {
    this.#summary(step, { tag, image: pngImage(png) });
  }

  histogram(tag: string, step: number, counts: HistogramMessage): void {
    this.#summary(step, { tag, histo: counts });
  }

  /** Hyperparameters of the run, once a run. */
  hparams(values: Readonly<Record<string, Hyperparameter>>): void {
    this.#summary(0, hparamsSummary(values, this.#now()));
  }

  /** Says how the run has ended: TensorBoard keeps the first that it finds. */
  end(status: SessionStatus): void {
    this.#summary(0, sessionEndSummary(status, this.#now()));
  }

  close(): void {
    closeSync(this.#file);
  }

  #summary(step: number, value: SummaryValue, wallTime = this.#now()): void {
    this.#write({ wallTime, step, summary: { value: [value] } });
  }

  #write(event: EventMessage): void {
    writeFileSync(this.#file, tfRecord(encodeEvent(event)));
  }
}
