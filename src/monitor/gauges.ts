import type { Attributes, Gauge, MeterProvider } from "@opentelemetry/api";
import type { Metric } from "../metrics/metric.ts";

/** The step has a gauge of its own: as an attribute it would make a new series at every step. */
const STEP = { name: "step", unit: "{step}", description: "optimizer steps behind the newest metric" };

/** Metrics as OpenTelemetry's gauges of their names, each with its newest value, and the newest step as `step`. */
export class Gauges {
  readonly #meter;
  readonly #gauges = new Map<string, Gauge>();

  constructor(provider: MeterProvider) {
    this.#meter = provider.getMeter("scorestream");
  }

  /** @param attributes Whose metric it is; each combination is a series. */
  set({ name, step, value, unit }: Metric, attributes: Attributes): void {
    this.#gauge({ name, unit, description: name }).record(value, attributes);
    this.#gauge(STEP).record(step, attributes);
  }

  #gauge({ name, ...options }: { name: string; unit: string; description: string }): Gauge {
    let gauge = this.#gauges.get(name);
    if (!gauge) this.#gauges.set(name, (gauge = this.#meter.createGauge(name, options)));
    return gauge;
  }
}
