import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { PrometheusMetrics } from "../../src/monitor/prometheus.ts";
import type { MetricEntry } from "../../src/metrics/metric.ts";
import { pythonWith } from "../support/python.ts";
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
    const { stdout, stderr } = python.run(PARSE, await response.text());
    expect(stderr).toBe("");
    const [a, b] = [{ run_id: "a-1", node: "n" }, { run_id: 'b"\\\n', node: "m" }]; // prettier-ignore
    const samples = stdout.trim().split("\n").map((line) => JSON.parse(line) as unknown[]); // prettier-ignore
    expect(samples).toEqual([
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
  expect(await (await get()).text()).toBe("# no registered metrics\n");
  expect(await (await get("HEAD")).text()).toBe("");
  const refused = await get("POST");
  expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});
