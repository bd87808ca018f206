import type { Attributes, Gauge, MeterProvider } from "@opentelemetry/api";
import type { Metric } from "../metrics/metric.ts";
import { phases, type RunState } from "../metrics/run-state.ts";

/** The step has a gauge of its own: as an attribute it would make a new series at every step. */
const STEP = { name: "step", unit: "{step}", description: "optimizer steps behind the newest metric" };
const PHASE = { name: "run_phase", unit: "1", description: "1 for the phase that the run is in, 0 for the others" };
const LEFT = { name: "run_left", unit: "s", description: "estimated time to the end of the run" };
const ELAPSED = { name: "run_elapsed", unit: "s", description: "time since the program began" };
const DONE = { name: "run_phase_done", unit: "1", description: "part of the phase that is done" };

/**
 * Metrics as OpenTelemetry's gauges of their names, each with its newest value, and the newest step as `step`; how far
 * a run is as `run_phase` and others.
 */
export class Gauges {
  readonly #meter;
  readonly #prefix: string;
  readonly #gauges = new Map<string, Gauge>();

  /** @param prefix Stands before every name. */
  constructor(provider: MeterProvider, prefix = "") {
    this.#prefix = prefix;
    this.#meter = provider.getMeter("scorestream");
  }

  /**
   * @param attributes Whose metric it is; each combination is a series.
   * @param whose The same for the step, where the metric has more of them.
   */
  set({ name, step, value, unit }: Metric, attributes: Attributes, whose = attributes): void {
    this.#gauge({ name, unit, description: name }).record(value, attributes);
    this.#gauge(STEP).record(step, whose);
  }

  /** @param attributes Whose state it is. */
  setState({ phase: now, done, total, runSeconds, runSecondsLeft }: RunState, attributes: Attributes): void {
    for (const phase of phases) this.#gauge(PHASE).record(phase === now ? 1 : 0, { ...attributes, phase });
    this.#gauge(ELAPSED).record(runSeconds, attributes);
    if (runSecondsLeft !== undefined) this.#gauge(LEFT).record(runSecondsLeft, attributes);
    if (total) this.#gauge(DONE).record(done / total, attributes);
  }

  #gauge({ name, ...options }: { name: string; unit: string; description: string }): Gauge {
    let gauge = this.#gauges.get(name);
    if (!gauge) this.#gauges.set(name, (gauge = this.#meter.createGauge(`${this.#prefix}${name}`, options)));
    return gauge;
  }
}
