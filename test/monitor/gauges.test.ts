import type { MeterProvider } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { Gauges } from "../../src/monitor/gauges.ts";
import { batchOf, BATCH_SIZE, follows } from "../../src/metrics/metric.ts";
import { parseRunState } from "../../src/metrics/run-state.ts";
import { PrometheusMetrics } from "../../src/monitor/prometheus.ts";
import { entry, metric, TIME } from "./fixture.ts";

describe("Gauges", () => {
  it("has one gauge a name, with its unit, and the newest step as one of its own", () => {
    const made: unknown[] = [];
    const told: unknown[][] = [];
    const provider = {
      getMeter: (name: string) => ({
        createGauge(gauge: string, options: object) {
          made.push([name, gauge, options]);
          return { record: (value: number, attributes: object) => told.push([gauge, value, attributes]) };
        },
      }),
    };
    const gauges = new Gauges(provider as unknown as MeterProvider);
    gauges.setState({ ...parseRunState({ phase: "training", time: TIME })!, done: 3 }, { node: "a" });
    expect(told.map(([gauge]) => gauge)).not.toContain("run_phase_done");
    expect(told.map(([gauge]) => gauge)).not.toContain("run_left");
    [made.length, told.length] = [0, 0];
    const eight = { name: "eval/bpd", step: 8, value: 3.5, unit: "bits/dim", time: TIME };
    gauges.set(eight, { node: "a" });
    gauges.set({ ...eight, step: 9, value: 3.25 }, { node: "b" });
    expect(made).toEqual([
      ["scorestream", "eval/bpd", { unit: "bits/dim", description: "eval/bpd" }],
      ["scorestream", "step", { unit: "{step}", description: "optimizer steps behind the newest metric" }],
    ]);
    expect(told).toEqual([
      ["eval/bpd", 3.5, { node: "a" }],
      ["step", 8, { node: "a" }],
      ["eval/bpd", 3.25, { node: "b" }],
      ["step", 9, { node: "b" }],
    ]);
  });

  it("are told to Prometheus with their run and node, without a time of their own", async () => {
    const metrics = new PrometheusMetrics();
    metrics.push([entry(1), { ...entry(2), metric: { ...metric(2), value: 7 } }]);
    const others = /^(#|scorestream_(build_info|last_seen|steps_total))/;
    const lines = (await metrics.text()).split("\n").filter((line) => !others.test(line));
    expect(lines).toEqual([
      'scorestream_train_loss{run_id="run",node="node"} 7',
      'scorestream_step{run_id="run",node="node"} 2',
      "",
    ]);
  });
});

describe("a batch", () => {
  it("is of one run and node, without gaps where they are not allowed", () => {
    const last = entry(4);
    expect(follows(last, entry(5), false)).toBe(true);
    expect(follows(last, entry(6), false)).toBe(false);
    expect(follows(last, entry(6), true)).toBe(true);
    expect(follows(last, entry(5, { node: "b" }), true)).toBe(false);
    expect(follows(last, entry(5, { runId: "b" }), true)).toBe(false);
    // What is not numbered stays so.
    expect(follows(entry(0), entry(0), false)).toBe(true);
    expect(follows(entry(0), entry(1), false)).toBe(false);
  });

  it("has the place of its first entry, and what was lost before it", () => {
    expect(batchOf([entry(4), entry(5)], 3)).toEqual({
      ...{ runId: "run", node: "node", sequence: 4, dropped: 3 },
      metrics: [metric(4), metric(5)],
    });
    expect(batchOf([entry(4)]).dropped).toBe(0);
    expect(() => batchOf([])).toThrow("batchOf: a batch needs an entry");
    expect(BATCH_SIZE).toBe(256);
  });
});
