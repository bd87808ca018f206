/** Metrics, records and feeds for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { RunFeed } from "../../src/monitor/feed.ts";
import type { MetricBatch, MetricEntry, Metric } from "../../src/metrics/metric.ts";
import { parseRunState, type RunState } from "../../src/metrics/run-state.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-monitor-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const TIME = "2026-01-02T03:04:05.678Z";

export const metric = (step: number, name = "train/loss"): Metric => ({
  name,
  step,
  value: step / 4,
  unit: "1",
  time: TIME,
});

/** Metrics of the steps `from` to `to`. */
export const metrics = (from: number, to: number, name?: string): Metric[] =>
  Array.from({ length: to - from + 1 }, (_, i) => metric(from + i, name));

export const entry = (sequence: number, { runId = "run", node = "node" } = {}): MetricEntry => ({
  runId,
  node,
  sequence,
  metric: metric(sequence),
});

/** A batch whose first metric has the place `sequence`, and as step too. */
export const batch = (sequence: number, count: number, { runId = "run", node = "node" } = {}): MetricBatch => ({
  runId,
  node,
  sequence,
  dropped: 0,
  metrics: metrics(sequence, sequence + count - 1),
});

export const steps = (batches: readonly MetricBatch[]): number[] =>
  batches.flatMap(({ metrics }) => metrics.map(({ step }) => step));

export const droppedIn = (batches: readonly MetricBatch[]): number =>
  batches.reduce((sum, { dropped }) => sum + dropped, 0);

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

/** A run that writes its record as a pipeline does, and the feed of it. */
export function recordedRun(folder: string, past: readonly Metric[] = []) {
  const path = join(folder, "metrics.jsonl");
  const writer = new MetricLog(path, { runId: "run", node: "node" });
  for (const each of past) writer.add(each);
  const reader = new MetricLog(path, writer.owner);
  const feed = new RunFeed(reader);
  const write = (more: readonly Metric[]) => {
    for (const each of more) writer.add(each);
    feed.refresh();
  };
  const tell = (state: Pick<RunState, "phase" | "time">) => {
    writer.addState(parseRunState(state)!);
    feed.refresh();
  };
  return { path, reader, feed, write, tell };
}
