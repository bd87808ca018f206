/** The metrics of a run as they are written: each once, and none of steps that are trained again. */
import { isMetric, type Metric } from "../metrics/metric.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import { MetricLog, type RecordOwner } from "../monitor/metric-log.ts";

const DEQUANTIZER = "train_deq/";

/** Appends to a record, and knows what an earlier start of the run has left in it. */
export class MetricRecord {
  readonly #log: MetricLog;
  /** The newest metric of each name, once it is asked for: the whole record is read for it. */
  #newest: Map<string, Pick<Metric, "step" | "value">> | undefined;

  /** @throws what the file system says. */
  constructor(path: string, owner: RecordOwner) {
    this.#log = new MetricLog(path, owner);
  }

  #read(): Map<string, Pick<Metric, "step" | "value">> {
    const newest = new Map<string, Pick<Metric, "step" | "value">>();
    for (const { entry } of this.#log.read()) {
      if (entry && isMetric(entry)) newest.set(entry.metric.name, entry.metric);
    }
    return newest;
  }

  /**
   * Adds a metric, unless the newest of its name is the same: a run that was killed after writing it computes it again.
   *
   * @returns Whether it is new.
   * @throws as {@link MetricLog.add}.
   */
  add(metric: Metric): boolean {
    const { name, step, value } = metric;
    const all = (this.#newest ??= this.#read());
    const newest = all.get(name);
    if (newest?.step === step && Object.is(newest.value, value)) return false;
    this.#log.add(metric);
    all.set(name, { step, value });
    return true;
  }

  /** Takes out metrics of later steps than the one that training goes on from. @throws what the file system says. */
  rewind({ step, training }: Extract<RunEvent, { readonly type: "rewind" }>): void {
    this.#log.blank(
      (metric) => metric.step > step && metric.name.startsWith(DEQUANTIZER) === (training === "train_deq"),
    );
    this.#newest = undefined;
  }
}
