/** Sends a run's record to an MLflow server. */
import { statSync } from "node:fs";
import { isMetric, type Metric } from "../../metrics/metric.ts";
import type { RunState } from "../../metrics/run-state.ts";
import { START, type Position } from "../lines.ts";
import type { MetricLog } from "../metric-log.ts";
import { MetricNames, mlflowName } from "../metric-names.ts";
import { reasonOf, Retries } from "../retries.ts";
import { MlflowApi, MlflowError, type MlflowMetric, type MlflowPair, type MlflowRun, type MlflowStatus } from "./mlflow-api.ts"; // prettier-ignore

export interface MlflowTrackerOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly experiment: string;
  readonly log: MetricLog;
  /** Settings of the run. */
  readonly params: readonly MlflowPair[];
  readonly tell: (text: string) => void;
  /** Least and largest ms between attempts. */
  readonly delays?: readonly [number, number];
}

/** Metrics and parameters in a call at most, by the server's rules. */
const [METRICS, PARAMS] = [1000, 100];
/** Characters of a tag at most. */
const TAG = 1000;

const STATUSES: Partial<Record<RunState["phase"], MlflowStatus>> = {
  finished: "FINISHED",
  stopped: "KILLED",
  failed: "FAILED",
};

const timeOf = (time: string) => Date.parse(time) || 0;
const metricOf = (key: string, { value, step, time }: Metric): MlflowMetric => ({
  ...{ key, step, timestamp: timeOf(time) },
  value: Number.isFinite(value) ? value : "NaN",
});

/**
 * Follows the record from its beginning, so that a server that comes late gets everything; a run that goes on, goes on in
 * the same MLflow run, after the newest metric there. While the server is away, nothing but the place in the record is kept.
 */
export class MlflowTracker {
  readonly #options: MlflowTrackerOptions;
  readonly #retries: Retries;
  readonly #api: MlflowApi;
  readonly #host: string;
  /** Bytes of the record that earlier starts wrote, and may have sent. */
  readonly #before: number;
  readonly #names = new MetricNames(mlflowName);
  #position: Position = START;
  #run: MlflowRun | undefined;
  #status: MlflowStatus | undefined;
  #told = false;
  /** A call would be refused again. */
  #refused = false;
  /** The newest state that was read and not told. */
  #newest: RunState | undefined;
  /** The record has grown since it was last read. */
  #grown = true;
  #working: Promise<void> | undefined;

  constructor(options: MlflowTrackerOptions) {
    this.#options = options;
    this.#retries = new Retries(options.delays);
    this.#api = new MlflowApi(options.url, options.headers, this.#retries.over);
    this.#host = new URL(options.url).host;
    this.#before = statSync(options.log.path, { throwIfNoEntry: false })?.size ?? 0;
    this.wake();
  }

  /** The record has grown. */
  wake(): void {
    this.#grown = true;
    if (!this.#refused) this.#working ??= this.#work();
  }

  /** Sends the rest, for `grace` ms at most. @returns Whether all was sent. */
  async close(grace: number): Promise<boolean> {
    await this.#retries.end(grace, () => {
      this.wake();
      return this.#working;
    });
    return !this.#grown;
  }

  async #work(): Promise<void> {
    for (let attempt = 0; this.#grown && !this.#retries.over.aborted; attempt++) {
      try {
        this.#grown = false;
        await this.#send();
        attempt = -1;
      } catch (error) {
        this.#grown = true;
        this.#refused = error instanceof MlflowError && !error.passing;
        this.#warn(error as Error);
        if (this.#refused) break;
        await this.#retries.pause(attempt);
      }
    }
    this.#working = undefined;
  }

  /** Sends what the record has from the place on. */
  async #send(): Promise<void> {
    const run = (this.#run ??= await this.#open());
    let metrics: MlflowMetric[] = [];
    let end = this.#position;
    const flush = async () => {
      if (metrics.length > 0) await this.#api.log(run.id, { metrics });
      this.#position = end;
      metrics = [];
    };
    for (const line of this.#options.log.read(this.#position)) {
      const { entry } = line;
      end = line.end;
      if (!entry) continue;
      if (!isMetric(entry)) this.#newest = entry.state;
      else {
        const { metric } = entry;
        const key = this.#names.own(metric.name);
        // The clock may have been set back since the run's last start: what this start wrote is new whatever its time.
        if (end.offset > this.#before || timeOf(metric.time) >= run.since) metrics.push(metricOf(key, metric));
      }
      if (metrics.length === METRICS) await flush();
    }
    if (this.#newest) await this.#tellState(run.id, this.#newest);
    await flush();
  }

  async #tellState(id: string, state: RunState): Promise<void> {
    const status = STATUSES[state.phase] ?? "RUNNING";
    if (status === this.#status) return;
    if (state.error !== undefined) {
      await this.#api.log(id, { tags: [{ key: "scorestream.error", value: state.error.slice(0, TAG) }] });
    }
    await this.#api.setStatus(id, status, status === "RUNNING" ? undefined : timeOf(state.time));
    this.#status = status;
  }

  /** The run of before, or a new one; with the settings. */
  async #open(): Promise<MlflowRun> {
    const { log, experiment: name } = this.#options;
    const { runId, node } = log.owner;
    const experiment = await this.#api.experiment(name);
    const tags = { "scorestream.run_id": runId, "scorestream.node": node };
    const pairs = Object.entries(tags).map(([key, value]) => ({ key, value }));
    const found = await this.#api.find(experiment, tags);
    const run = found ?? (await this.#api.create(experiment, runId, Date.now(), pairs));
    // The call after an earlier creation may have failed; a value that is there cannot be changed.
    const params = this.#options.params.filter(({ key }) => !run.params.includes(key));
    for (let i = 0; i < params.length; i += PARAMS)
      await this.#api.log(run.id, { params: params.slice(i, i + PARAMS) });
    return run;
  }

  #warn(error: Error): void {
    if (this.#told && !this.#refused) return;
    this.#told = true;
    const why = reasonOf(error);
    const what = this.#refused
      ? `refuses this run (${why}), which is tracked no more`
      : `does not take metrics (${why}); it gets them once it does`;
    this.#options.tell(`warning: MLflow at ${this.#host} ${what}`);
  }
}
