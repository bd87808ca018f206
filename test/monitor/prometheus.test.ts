import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { PrometheusMetrics } from "../../src/monitor/prometheus.ts";
import type { MetricEntry, StateEntry } from "../../src/metrics/metric.ts";
import { pythonWith } from "../support/python.ts";
import { parseRunState, type RunState } from "../../src/metrics/run-state.ts";
import { metric, TIME } from "./fixture.ts";

/** A web server with the handler; a function that fetches from it. */
async function mounted(metrics: PrometheusMetrics) {
  const server = createServer(metrics.handler).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  return (method = "GET") => fetch(url, { method, headers: { connection: "close" } });
}

const entry = (
  name: string,
  step: number,
  value: number,
  { unit = "1", runId = "a-1", node = "n" } = {},
): MetricEntry => {
  return { runId, node, sequence: 0, metric: { name, step, value, unit, time: TIME } };
};

/** The samples as Prometheus's own client reads them. */
const PARSE = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.argv[1]):
    for sample in family.samples:
        print(json.dumps([family.type, sample.name, sample.labels, repr(float(sample.value))]))
`;

it(
  "answers with the newest value of each metric, as Prometheus's own parser reads it",
  { timeout: 120_000 },
  async () => {
    const python = pythonWith("prometheus-client==0.22.1");
    const metrics = new PrometheusMetrics();
    metrics.push([1, 2, 3].map((step) => ({ runId: "a-1", node: "n", sequence: step, metric: metric(step) })));
    metrics.push([entry("train/loss", 7, 0.1, { runId: 'b"\\\n', node: "m" })]);
    metrics.push([entry("eval/bpd", 3, NaN, { unit: "bits/dim" }), entry("train/grad_norm", 3, 1e-30)]);
    metrics.push([entry("2 odd.name", 3, Infinity)]);
    const response = await (await mounted(metrics))();
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    expect(text).toContain("# HELP scorestream_last_seen_timestamp_seconds when the run was last heard of, since 1970");
    expect(text).toContain("# HELP scorestream_steps_total optimizer steps behind the parameters");
    const { stdout, stderr } = python.run(PARSE, text);
    expect(stderr).toBe("");
    const [a, b] = [{ run_id: "a-1", node: "n" }, { run_id: 'b"\\\n', node: "m" }]; // prettier-ignore
    const samples = stdout.trim().split("\n").map((line) => JSON.parse(line) as unknown[]); // prettier-ignore
    const ours = ["scorestream_steps_total", "scorestream_last_seen_timestamp_seconds", "scorestream_build_info"];
    expect([...new Set(samples.map(([, name]) => name as string))].filter((name) => ours.includes(name))).toEqual(ours);
    expect(samples.filter(([, name]) => name === ours[0])).toEqual([
      ["counter", ours[0], a, "3.0"],
      ["counter", ours[0], b, "7.0"],
    ]);
    expect(samples.filter(([, name]) => !ours.includes(name as string))).toEqual([
      ["gauge", "scorestream_train_loss", a, "0.75"],
      ["gauge", "scorestream_train_loss", b, "0.1"],
      ["gauge", "scorestream_step", a, "3.0"],
      ["gauge", "scorestream_step", b, "7.0"],
      ["gauge", "scorestream_eval_bpd", a, "nan"],
      ["gauge", "scorestream_train_grad_norm", a, "1e-30"],
      ["gauge", "scorestream_2_odd_name", a, "inf"],
    ]);
  },
);

it("answers before there is any metric, and only to who reads", async () => {
  const get = await mounted(new PrometheusMetrics());
  const lines = (await (await get()).text()).trimEnd().split("\n");
  expect(lines.filter((line) => !line.startsWith("#"))).toEqual([expect.stringMatching(/^scorestream_build_info\{version="[^"]+"\} 1$/)]); // prettier-ignore
  expect(await (await get("HEAD")).text()).toBe("");
  const refused = await get("POST");
  expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

const state = (phase: RunState["phase"], more: Partial<RunState> = {}): StateEntry => {
  const told = { ...parseRunState({ phase, time: TIME, pipeline: "count" })!, ...more };
  return { runId: "a-1", node: "n", sequence: 0, state: told };
};
/** The samples, without what is told about them. */
const samplesOf = async (metrics: PrometheusMetrics) =>
  (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));

it("tells the phase, counts steps and images over resumes, and has no speed while nothing trains", async () => {
  const metrics = new PrometheusMetrics();
  const speed = entry("train/images_per_second", 8, 512);
  metrics.push([speed, state("training", { step: 8, images: 32, done: 8, total: 10, runSecondsLeft: 3 })]);
  const whose = '{run_id="a-1",node="n",pipeline="count"}';
  const training = await samplesOf(metrics);
  expect(training).toEqual(
    expect.arrayContaining([
      `scorestream_train_images_per_second${whose} 512`,
      `scorestream_steps_total${whose} 8`,
      `scorestream_images_total${whose} 32`,
      `scorestream_run_left${whose} 3`,
      `scorestream_run_phase_done${whose} 0.8`,
      'scorestream_run_phase{run_id="a-1",node="n",pipeline="count",phase="training"} 1',
      'scorestream_run_phase{run_id="a-1",node="n",pipeline="count",phase="lost"} 0',
    ]),
  );
  metrics.push([state("evaluating_bound", { step: 4, images: 16 })]);
  const evaluating = await samplesOf(metrics);
  expect(evaluating).toContain(`scorestream_steps_total${whose} 8`);
  expect(evaluating.join()).not.toContain("images_per_second");
  expect(evaluating).toContain('scorestream_run_phase{run_id="a-1",node="n",pipeline="count",phase="training"} 0');
});

it("leaves a run out five minutes after it was last heard of, a lost one too", async () => {
  let now = Date.parse(TIME);
  const metrics = new PrometheusMetrics(() => now);
  metrics.remember([entry("train/loss", 1, 2), state("training")]);
  expect((await samplesOf(metrics)).length).toBeGreaterThan(10);
  now += 290_000;
  metrics.push([state("lost")]);
  expect((await samplesOf(metrics)).join()).toContain('phase="lost"} 1');
  now += 20_000;
  expect(await samplesOf(metrics)).toHaveLength(1);
});

it("counts the steps of training only, and has no memory of a run that has ended", async () => {
  const metrics = new PrometheusMetrics();
  metrics.push([
    entry("train/loss", 3, 1),
    entry("eval/bpd", 90, 1),
    entry("process/rss_bytes", 3, 1e9, { unit: "By" }),
  ]);
  const whose = '{run_id="a-1",node="n"}';
  expect(await samplesOf(metrics)).toContain(`scorestream_steps_total${whose} 3`);
  expect((await samplesOf(metrics)).join()).toContain("scorestream_process_rss_bytes");
  metrics.push([state("finished", { step: 3 })]);
  expect((await samplesOf(metrics)).join()).not.toContain("scorestream_process_rss_bytes");
});

it("has heard of a run when it last did, though older entries come later", async () => {
  let now = Date.parse(TIME) + 400_000;
  const metrics = new PrometheusMetrics(() => now);
  metrics.push([entry("train/loss", 2, 1)]);
  metrics.remember([entry("train/grad_norm", 1, 1)]);
  now += 200_000;
  expect((await samplesOf(metrics)).length).toBeGreaterThan(1);
});

it("tells names apart that Prometheus would write alike", async () => {
  const metrics = new PrometheusMetrics();
  metrics.push([entry("data/a.b", 1, 1), entry("data/a/b", 1, 2)]);
  const samples = (await samplesOf(metrics)).filter((line) => line.startsWith("scorestream_data_a_b"));
  expect(samples).toEqual([
    'scorestream_data_a_b{run_id="a-1",node="n"} 1',
    'scorestream_data_a_b{run_id="a-1",node="n",metric="data/a/b"} 2',
  ]);
});
