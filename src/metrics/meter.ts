/** Collects measurements of a run between two log steps, from anywhere in the pipeline. */
import { requireShort, type Metric } from "./metric.ts";
import { StageClock } from "./stage-clock.ts";
import type { HistogramMessage } from "./histogram.ts";

/** A metric before it has a step and a time. */
export type Reading = Pick<Metric, "name" | "value" | "unit">;

/** A metric of a step before it has a time. */
export type StepReading = Reading & { readonly step: number };

/** The distribution of values at a step. */
export interface HistogramReading {
  readonly name: string;
  readonly step: number;
  readonly counts: HistogramMessage;
}

/** Position of a stage among the others. */
interface Place {
  /** Undefined before the first subscription. */
  clock: StageClock | undefined;
  /** Start of the interval, ms. */
  since: number;
}

interface Mean {
  sum: number;
  count: number;
  readonly unit: string;
}

/**
 * Collects values that operators report; `record` reads them at log steps.
 *
 * ```ts
 * const meter = new Meter();
 * source.pipe(tap((batch) => meter.tell("data/rows", batch.size, "1")), ..., record({ steps, every, batchSize, meter }));
 * ```
 */
export class Meter {
  readonly #now: () => number;
  /** Stages in the order of the pipeline. */
  readonly #stages = new Map<string, Place>();
  readonly #means = new Map<string, Mean>();
  #histograms: HistogramReading[] = [];
  #ofSteps: StepReading[] = [];
  #paused = false;
  #pauseEnd: number | undefined;

  /** @param now Milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Adds a value of a metric; the log step reports the mean of the values since the last one.
   *
   * @throws RangeError when the name or the unit is longer than 200 characters.
   */
  tell(name: string, value: number, unit: string): void {
    requireShort(name, unit);
    const mean = this.#means.get(name);
    if (!mean) this.#means.set(name, { sum: value, count: 1, unit });
    else {
      mean.sum += value;
      mean.count++;
    }
  }

  /**
   * Adds a metric of one step, reported without averaging. A repeated step replaces its earlier value.
   *
   * @throws RangeError when the name or the unit is longer than 200 characters.
   */
  tellStep(reading: StepReading): void {
    requireShort(reading.name, reading.unit);
    this.#ofSteps = this.#ofSteps.filter(({ name, step }) => name !== reading.name || step !== reading.step);
    this.#ofSteps.push(reading);
  }

  /** Returns these metrics for steps up to `last`, each one once. */
  ofSteps(last: number): StepReading[] {
    const found = this.#ofSteps.filter(({ step }) => step <= last);
    this.#ofSteps = this.#ofSteps.filter(({ step }) => step > last);
    return found;
  }

  /**
   * Adds the distribution of values at a step, which TensorBoard shows as a histogram. A repeated step replaces its
   * earlier one.
   */
  tellHistogram(name: string, step: number, counts: HistogramMessage): void {
    this.#histograms = this.#histograms.filter((other) => other.name !== name || other.step !== step);
    this.#histograms.push({ name, step, counts });
  }

  /** Returns the histograms added since the last call. */
  histograms(): HistogramReading[] {
    return this.#histograms.splice(0);
  }

  /**
   * Begins a pause of the training, for a look at the run. Stages may run a batch ahead meanwhile; neither the time nor
   * these batches count.
   *
   * @returns A function that ends the pause.
   */
  pause(): () => void {
    const begun = this.#now();
    this.#paused = true;
    return () => {
      this.#paused = false;
      this.#pauseEnd = this.#now();
      for (const place of this.#stages.values()) place.since += this.#pauseEnd - begun;
    };
  }

  /** Returns when a pause ended since the last call, ms; undefined if there was none. */
  pauseEnd(): number | undefined {
    const end = this.#pauseEnd;
    this.#pauseEnd = undefined;
    return end;
  }

  /**
   * Reserves a stage's position among the others, because subscriptions run from the last stage to the first.
   *
   * @throws RangeError when the names of its metrics would be longer than 200 characters.
   */
  place(name: string): void {
    requireShort(`stage/${name}/batches_per_second`);
    if (!this.#stages.has(name)) this.#stages.set(name, { clock: undefined, since: this.#now() });
  }

  /**
   * Creates a clock for a stage, which replaces that of an earlier subscription.
   *
   * @param per Batches of the stage's source that become one.
   */
  stage(name: string, per: number): StageClock {
    const clock = new StageClock(per, this.#now, () => this.#paused);
    this.place(name);
    this.#stages.get(name)!.clock = clock;
    return clock;
  }

  /**
   * Returns everything since the last reading, with the stages in order. For each stage, it gives the batches that left
   * it per second, the batches that wait in it, and the seconds of work per batch.
   *
   * If no batch has left a stage, it has no rate yet, and its interval continues.
   */
  read(): Reading[] {
    const now = this.#now();
    const readings: Reading[] = [...this.#means].map(([name, { sum, count, unit }]) => ({ name, value: sum / count, unit })); // prettier-ignore
    this.#means.clear();
    for (const [stage, place] of this.#stages) {
      if (!place.clock) continue;
      const { batches, queue, busy } = place.clock.read();
      const seconds = (now - place.since) / 1000;
      if (batches > 0) place.since = now;
      const add = (key: string, value: number, unit: string) =>
        readings.push({ name: `stage/${stage}/${key}`, value, unit });
      if (batches > 0 && seconds > 0) add("batches_per_second", batches / seconds, "1/s");
      add("queue", queue, "1");
      if (batches > 0) add("seconds", busy / 1000 / batches, "s");
    }
    return readings;
  }
}
