import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isMetric } from "../../src/metrics/metric.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { MetricRecord } from "../../src/run/metric-record.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const owner = { runId: "run", node: "node" };
const metric = (name: string, step: number, value: number) => ({ name, step, value, unit: "1", time: "" });
const line = (name: string, step: number, value: number) => JSON.stringify(metric(name, step, value));
const places = (path: string) =>
  [...new MetricLog(path, owner).read()].flatMap(({ entry }) =>
    entry && isMetric(entry) ? [[entry.sequence, entry.metric.name, entry.metric.step]] : [],
  );

it("takes out what was told of steps that are trained again, and leaves the rest in its place", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  const state = '{"state":{"phase":"stränge"}}';
  const lines = [line("train/loss", 3, 1), line("train/loss", 6, 1), state, line("train_deq/loss", 6, 1), '{"na', line("train/loss", 5, 2)]; // prettier-ignore
  writeFileSync(path, `${lines.join("\n")}\n`);
  const size = statSync(path).size;
  const record = new MetricRecord(path, owner);
  record.rewind({ type: "rewind", step: 5, training: "train" });
  expect(places(path)).toEqual([
    [1, "train/loss", 3],
    [4, "train_deq/loss", 6],
    [6, "train/loss", 5],
  ]);
  expect(statSync(path).size).toBe(size);
  expect(readFileSync(path, "utf8").split("\n")[4]!.trim()).toBe("");
  record.add(metric("train/loss", 6, 3));
  expect(places(path).at(-1)).toEqual([7, "train/loss", 6]);
  record.rewind({ type: "rewind", step: 2, training: "train_deq" });
  expect(places(path).map(([place]) => place)).toEqual([1, 6, 7]);
});

it("takes a metric that a killed run wrote and computes again once, one of another value or step anew", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  writeFileSync(path, `${line("eval/bpd", 20, 3)}\n${line("eval/loss", 20, 1)}\n`);
  const record = new MetricRecord(path, owner);
  expect(record.add(metric("eval/bpd", 20, 3))).toBe(false);
  expect(record.add(metric("eval/loss", 20, 2))).toBe(true);
  expect(record.add(metric("eval/bpd", 40, 3))).toBe(true);
  expect(record.add(metric("eval/bpd", 20, 3))).toBe(true);
  expect(places(path).map(([, name, step]) => `${name} ${step}`)).toEqual(["eval/bpd 20", "eval/loss 20", "eval/loss 20", "eval/bpd 40", "eval/bpd 20"]); // prettier-ignore
});

it("has nothing to take out of a record that is missing", () => {
  const record = new MetricRecord(join(temporaryFolder(), "metrics.jsonl"), owner);
  expect(() => record.rewind({ type: "rewind", step: 0, training: "train" })).not.toThrow();
});
