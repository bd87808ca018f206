import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseRunState, type RunPhase } from "../../src/metrics/run-state.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { MlflowApi, MlflowError, mlflowHeaders } from "../../src/monitor/mlflow/mlflow-api.ts";
import { MlflowTracker } from "../../src/monitor/mlflow/mlflow-tracker.ts";
import { leaves } from "../../src/monitor/mlflow/run-mlflow.ts";
import { until } from "../grpc/fixture.ts";
import { metric, metrics, temporaryFolder, TIME } from "./fixture.ts";

interface Call {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
}

/** As much of MLflow as a tracker calls; `lab/mlflow.ts` tries a real one. */
async function mlflow(answers: Readonly<Record<string, object>> = {}) {
  const calls: Call[] = [];
  /** Statuses of the next answers, before all is well. */
  const statuses: number[] = [];
  const usual: Record<string, object> = {
    "experiments/get-by-name": { experiment: { experiment_id: "7" } },
    "runs/search": {},
    "runs/create": { run: { info: { run_id: "r1" } } },
    ...answers,
  };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (more) => (text += String(more)));
    request.on("end", () => {
      const path = /\/api\/2\.0\/mlflow\/([^?]+)/.exec(request.url!)![1]!;
      const status = statuses.shift() ?? 200;
      const body = JSON.parse(text || "{}") as Call["body"];
      if (status === 200) calls.push({ path, body, authorization: request.headers.authorization });
      const error = status === 404 ? { error_code: "RESOURCE_DOES_NOT_EXIST" } : { message: "no" };
      response.writeHead(status).end(JSON.stringify(status === 200 ? (usual[path] ?? {}) : error));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const sent = () => calls.flatMap(({ body }) => (body["metrics"] ?? []) as { key: string; step: number; value: unknown }[]); // prettier-ignore
  const paths = () => calls.map(({ path }) => path);
  return { calls, statuses, sent, paths, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/` };
}

const record = () => new MetricLog(join(temporaryFolder(), "metrics.jsonl"), { runId: "run", node: "n" });
const state = (phase: RunPhase, more: object = {}) => parseRunState({ phase, time: TIME, ...more })!;

function tracked(url: string, log: MetricLog, more: object = {}) {
  const told: string[] = [];
  const options = { url, log, headers: {}, experiment: "count", params: [], delays: [1, 2] as const, ...more };
  return { told, tracker: new MlflowTracker({ ...options, tell: (text) => told.push(text) }) };
}

describe("MlflowTracker", () => {
  it("makes a run with its tags and settings, and sends the whole record and its end", async () => {
    const { calls, sent, paths, url } = await mlflow();
    const log = record();
    for (const each of metrics(1, 1500)) log.add(each);
    log.add({ ...metric(3, "eval/bpd"), value: NaN });
    const params = leaves({ seed: 1, model: { chMult: [1, 2], name: "x" } });
    const { tracker, told } = tracked(url, log, { params });
    log.addState(state("training"));
    log.addState(state("failed", { error: "no loss" }));
    expect(await tracker.close(5000)).toBe(true);
    expect(paths().slice(0, 4)).toEqual(["experiments/get-by-name", "runs/search", "runs/create", "runs/log-batch"]);
    expect(calls[2]!.body).toMatchObject({
      experiment_id: "7",
      run_name: "run",
      tags: [{ key: "scorestream.run_id", value: "run" }, { key: "scorestream.node", value: "n" }],
    }); // prettier-ignore
    expect(calls[3]!.body["params"]).toEqual([
      { key: "seed", value: "1" },
      { key: "model.chMult", value: "[1,2]" },
      { key: "model.name", value: "x" },
    ]);
    expect(sent().map(({ step }) => step)).toEqual([...metrics(1, 1500).map(({ step }) => step), 3]);
    expect(sent().at(-1)).toEqual({ key: "eval/bpd", step: 3, value: "NaN", timestamp: Date.parse(TIME) });
    expect(Math.max(...calls.map(({ body }) => ((body["metrics"] ?? []) as object[]).length))).toBe(1000);
    const update = calls.findLast(({ path }) => path === "runs/update")!;
    expect(update.body).toEqual({ run_id: "r1", status: "FAILED", end_time: Date.parse(TIME) });
    expect(calls.find(({ body }) => body["tags"] && body["run_id"])!.body["tags"]).toEqual([
      { key: "scorestream.error", value: "no loss" },
    ]);
    expect(told).toEqual([]);
  });

  it("makes the experiment where there is none", async () => {
    const { statuses, paths, url } = await mlflow({ "experiments/create": { experiment_id: "8" } });
    statuses.push(404);
    await tracked(url, record()).tracker.close(5000);
    expect(paths().slice(0, 2)).toEqual(["experiments/create", "runs/search"]);
  });

  it("goes on in the run of before, after its newest metric", async () => {
    const found = { run_id: "r0", data: {} };
    const since = Date.parse(TIME) + 5;
    const runs = [{ info: found, data: { metrics: [{ timestamp: since - 5 }, { timestamp: since }] } }];
    const { sent, paths, url } = await mlflow({ "runs/search": { runs } });
    const log = record();
    for (let i = 0; i < 10; i++) log.add({ ...metric(i), time: new Date(Date.parse(TIME) + i).toISOString() });
    await tracked(url, log).tracker.close(5000);
    expect(paths()).not.toContain("runs/create");
    expect(sent().map(({ step }) => step)).toEqual([5, 6, 7, 8, 9]);
  });

  it("sends what this start of the run writes, though its clock was set back", async () => {
    const since = Date.parse(TIME);
    const runs = [{ info: { run_id: "r0" }, data: { metrics: [{ timestamp: since }] } }];
    const { sent, url } = await mlflow({ "runs/search": { runs } });
    const log = record();
    const at = (step: number, ms: number) => log.add({ ...metric(step), time: new Date(since + ms).toISOString() });
    at(1, -1000);
    const { tracker } = tracked(url, log);
    at(2, -500);
    at(3, 500);
    expect(await tracker.close(5000)).toBe(true);
    expect(sent().map(({ step }) => step)).toEqual([2, 3]);
  });

  it("names metrics as the server takes names, each by its own", async () => {
    const { sent, url } = await mlflow();
    const log = record();
    const names = ["loss_by_noise/weighted/-3.5", "loss [x]", "loss (x)", "/a//./b/", "../c", "Größe", "?/", "", "a".repeat(300)]; // prettier-ignore
    for (const name of [...names, "loss [x]"]) log.add(metric(1, name));
    expect(await tracked(url, log).tracker.close(5000)).toBe(true);
    const keys = ["loss_by_noise/weighted/-3.5", "loss _x_", "loss _x__2", "a/b", "_./c", "Größe", "_", "__2", "a".repeat(240)]; // prettier-ignore
    expect(sent().map(({ key }) => key)).toEqual([...keys, "loss _x_"]);
  });

  it("adds the settings that the run of before lacks, and leaves those that it has", async () => {
    const runs = [{ info: { run_id: "r0" }, data: { params: [{ key: "seed", value: "2" }] } }];
    const { calls, url } = await mlflow({ "runs/search": { runs } });
    await tracked(url, record(), { params: leaves({ seed: 1, name: "x" }) }).tracker.close(5000);
    expect(calls.flatMap(({ body }) => body["params"] ?? [])).toEqual([{ key: "name", value: "x" }]);
  });

  it("sends what came while the server was away, each once, and says so once", async () => {
    const { statuses, sent, url } = await mlflow();
    const log = record();
    log.add(metric(1));
    const { tracker, told } = tracked(url, log);
    await until(() => sent().length === 1);
    statuses.push(503, 500, 429);
    log.add(metric(2));
    tracker.wake();
    await until(() => sent().length === 2);
    log.add(metric(3));
    tracker.wake();
    expect(await tracker.close(5000)).toBe(true);
    expect(sent().map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(told).toEqual([`warning: MLflow at ${new URL(url).host} does not take metrics (status 503: no); it gets them once it does`]); // prettier-ignore
  });

  it("does not repeat what is refused", async () => {
    const { statuses, paths, url } = await mlflow();
    statuses.push(401);
    const { tracker, told } = tracked(url, record());
    await until(() => told.length > 0);
    tracker.wake();
    expect(await tracker.close(5000)).toBe(false);
    expect(paths()).toEqual([]);
    expect(told).toEqual([`warning: MLflow at ${new URL(url).host} refuses this run (status 401: no), which is tracked no more`]); // prettier-ignore
  });

  it("waits for a server that is away only as long as it may", async () => {
    const { tracker, told } = tracked("http://127.0.0.1:9/", record(), { delays: [60_000, 60_000] });
    await until(() => told.length > 0);
    const begun = performance.now();
    expect(await tracker.close(100)).toBe(false);
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it("tries at once when the run ends, however long it would have waited", async () => {
    const { statuses, sent, url } = await mlflow();
    statuses.push(503);
    const log = record();
    log.add(metric(1));
    const { tracker, told } = tracked(url, log, { delays: [60_000, 60_000] });
    await until(() => told.length > 0);
    expect(await tracker.close(5000)).toBe(true);
    expect(sent()).toHaveLength(1);
  });

  it("logs in as MLflow's own clients do", () => {
    expect(mlflowHeaders({ MLFLOW_TRACKING_TOKEN: "t" })).toEqual({ authorization: "Bearer t" });
    const basic = mlflowHeaders({ MLFLOW_TRACKING_USERNAME: "u", MLFLOW_TRACKING_PASSWORD: "p" });
    expect(basic).toEqual({ authorization: `Basic ${Buffer.from("u:p").toString("base64")}` });
    expect(mlflowHeaders({})).toEqual({});
  });
});

describe("a call", () => {
  it.each([
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [429, true],
    [499, false],
    [500, true],
    [503, true],
  ])("that is answered with %s may succeed later: %s", (status, passing) => {
    expect(new MlflowError(status, "", "").passing).toBe(passing);
  });

  it("is ended by the signal", { timeout: 5000 }, async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => {
      silent.close();
      silent.closeAllConnections();
    });
    const stop = new AbortController();
    const api = new MlflowApi(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, {}, stop.signal);
    const call = api.experiment("x");
    setTimeout(() => stop.abort(), 20);
    await expect(call).rejects.toThrow(/abort/);
  });
});
