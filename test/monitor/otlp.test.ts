import { hostname } from "node:os";
import { expect, it, onTestFinished, vi } from "vitest";
import { codeVersion } from "../../src/base/code-version.ts";
import { otlpExporter } from "../../src/monitor/otlp/otlp-exporter.ts";
import { until } from "../grpc/fixture.ts";
import { collector } from "./collector.ts";
import { runOtlp } from "../../src/monitor/otlp/run-otlp.ts";
import { entry, metric, metrics, recordedRun, temporaryFolder } from "./fixture.ts";

const about = { runId: "run", pipeline: "count", security: {}, interval: 1000 };

it("exports again and again, one series a metric however many steps, and the last values at the end", async () => {
  const { endpoint, exports } = await collector();
  const told: string[] = [];
  const exporter = otlpExporter({ ...about, endpoint }, (text) => told.push(text));
  for (let step = 1; step <= 300; step++) exporter.push([entry(step)]);
  await until(() => exports.length >= 2);
  exporter.push([entry(301)]);
  await exporter.close(2000);
  const points = exports.map((each) => each.map(({ name, value }) => [name, value]));
  expect(points[0]).toEqual([
    ["scorestream.train.loss", 75],
    ["scorestream.step", 300],
  ]);
  expect(points.at(-1)).toEqual([
    ["scorestream.train.loss", 75.25],
    ["scorestream.step", 301],
  ]);
  expect(told).toEqual([]);
});

it("goes on when the collector comes late, and tells once that it was away", async () => {
  const gone = await collector();
  gone.close();
  const told: string[] = [];
  const exporter = otlpExporter({ ...about, endpoint: gone.endpoint }, (text) => told.push(text));
  exporter.push([entry(1)]);
  await until(() => told.length > 0);
  const late = await collector({ port: gone.endpoint.port });
  await until(() => late.exports.length > 0);
  await exporter.close(2000);
  expect(late.exports[0]!.map(({ value }) => value)).toEqual([0.25, 1]);
  expect(told).toHaveLength(1);
});

it("tells whose the values are: the node by an attribute, the run and its pipeline by the resource", async () => {
  const { endpoint, exports } = await collector();
  const exporter = otlpExporter({ ...about, endpoint, interval: 60_000 }, () => {});
  exporter.push([{ ...entry(8), metric: { ...metric(8, "eval/bpd"), unit: "bits/dim" } }]);
  exporter.push([entry(9, { node: "b" })]);
  await exporter.close(2000);
  expect(exports).toHaveLength(1);
  const points = exports[0]!.map(({ name, unit, value, attributes }) => [name, unit, value, attributes["node"]]);
  expect(points).toEqual([
    ["scorestream.eval.bpd", "bits/dim", 2, "node"],
    ["scorestream.step", "{step}", 8, "node"],
    ["scorestream.step", "{step}", 9, "b"],
    ["scorestream.train.loss", "1", 2.25, "b"],
  ]);
  expect(exports[0]![0]!.attributes).toEqual({ node: "node" });
  expect(exports[0]![0]!.resource).toMatchObject({
    "service.name": "scorestream",
    "service.instance.id": "run",
    "scorestream.run_id": "run",
    "scorestream.pipeline": "count",
  });
});

it("tells the host and the version, and takes the service's name and attributes from the environment", async () => {
  vi.stubEnv("OTEL_SERVICE_NAME", "trainer");
  vi.stubEnv(
    "OTEL_RESOURCE_ATTRIBUTES",
    "deployment.environment=lab,service.instance.id=mine,scorestream.run_id=forged",
  );
  onTestFinished(() => void vi.unstubAllEnvs());
  const { endpoint, exports } = await collector();
  const exporter = otlpExporter({ ...about, endpoint, interval: 60_000 }, () => {});
  exporter.push([entry(1)]);
  await exporter.close(2000);
  expect(exports[0]![0]!.resource).toEqual({
    "service.name": "trainer",
    "service.version": codeVersion(),
    "service.instance.id": "mine",
    "host.name": hostname(),
    "deployment.environment": "lab",
    "scorestream.run_id": "run",
    "scorestream.pipeline": "count",
  });
});

it("tells once what a collector takes in part only", async () => {
  const answer = { partialSuccess: { rejectedDataPoints: 2, errorMessage: "too many\u001b series" } };
  const { endpoint, exports } = await collector({ answer });
  const told: string[] = [];
  const exporter = otlpExporter({ ...about, endpoint, interval: 200 }, (text) => told.push(text));
  exporter.push([entry(1)]);
  await until(() => exports.length >= 2);
  await exporter.close(2000);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/^warning: the collector 127\.0\.0\.1:\d+ rejects 2 values: too many.* series$/);
  expect(told[0]).not.toContain("\u001b");
});

it("tells names apart that become alike", async () => {
  const { endpoint, exports } = await collector();
  const exporter = otlpExporter({ ...about, endpoint, interval: 60_000 }, () => {});
  for (const name of ["a/b", "a.b", "A/B", "a b"]) exporter.push([{ ...entry(1), metric: metric(1, name) }]);
  await exporter.close(2000);
  const steps = exports[0]!.filter(({ name }) => name === "scorestream.step");
  expect(steps.map(({ attributes }) => attributes)).toEqual([{ node: "node" }]);
  const named = exports[0]!.filter(({ name }) => name !== "scorestream.step");
  expect(named.map(({ name, attributes }) => [name, attributes["metric"]])).toEqual([
    ["scorestream.a.b", undefined],
    ["scorestream.a.b", "a.b"],
    ["scorestream.a.b", "A/B"],
    ["scorestream.a_b", undefined],
  ]);
});

it("waits for the last answer as long as it may, and tells that there was none", async () => {
  const { endpoint } = await collector({ silent: true });
  const told: string[] = [];
  const exporter = otlpExporter({ ...about, endpoint, interval: 60_000 }, (text) => told.push(text));
  exporter.push([entry(1)]);
  await exporter.close(100);
  const name = `127.0.0.1:${endpoint.port}`;
  expect(told).toEqual([
    `warning: the collector ${name} does not take metrics (no answer within 0.1 s); it gets the newest once it does`,
  ]);
});

it("exports what a record grows by, the rest at the end", async () => {
  const { endpoint, exports } = await collector();
  const { path, write } = recordedRun(temporaryFolder(), metrics(1, 2));
  const run = await runOtlp({ ...about, node: "node", path, endpoint, interval: 60_000 }, () => {});
  expect(run.ready).toBeUndefined();
  write(metrics(3, 3));
  run.refresh();
  write([metric(4, "eval/bpd")]);
  await run.close(2000);
  const points = exports.map((each) => each.map(({ name, value }) => [name, value]));
  expect(points).toEqual([[["scorestream.train.loss", 0.75], ["scorestream.step", 4], ["scorestream.eval.bpd", 1]]]); // prettier-ignore
});
