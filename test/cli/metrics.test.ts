/** Metrics of runs over gRPC, through the command lines of the run and of the monitor. */
import { execFileSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatMap, defer, from, lastValueFrom, toArray, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import { monitorMain } from "../../src/cli/monitor.ts";
import type { RunEvent } from "../../src/run/pipeline.ts";
import { parseEndpoint, type Endpoint } from "../../src/grpc/endpoint.ts";
import type { MetricBatch } from "../../src/metrics/metric.ts";
import { connect, selfSigned, until } from "../grpc/fixture.ts";
import { steps } from "../monitor/fixture.ts";
import { pipeline, temporaryFolder } from "./fixture.ts";

/** Metrics of the steps 1 to `count`, each when `ready` resolves. */
const metricsOf = (count: number, ready: (step: number) => Promise<unknown>): Observable<RunEvent> =>
  from(Array.from({ length: count }, (_, i) => i + 1)).pipe(
    concatMap((step) =>
      defer(async (): Promise<RunEvent> => {
        await ready(step);
        return { type: "metric", name: "train/loss", step, value: step / 2, unit: "1" };
      }),
    ),
  );

/** A watcher in a process of its own: writes the steps of two metrics. */
const CHILD = `
  const grpc = require("@grpc/grpc-js");
  const { scorestream } = grpc.loadPackageDefinition(
    require("@grpc/proto-loader").loadSync("proto/scorestream/v1/monitor.proto", { longs: Number, defaults: true }),
  );
  const steps = [];
  const client = new scorestream.v1.Monitor(process.argv[1], grpc.credentials.createInsecure());
  client.Watch({}).on("data", ({ metrics }) => {
    for (const { step } of metrics) steps.push(step);
    if (steps.length === 2) process.stdout.write(String(steps), () => process.exit());
  });
`;

/** Standard error, and the address that a text in it ends with. */
function screen() {
  let text = "";
  const endpoint = (before: string): Endpoint | undefined => {
    const found = new RegExp(`${before}(\\S+:\\d+)`).exec(text);
    return found ? parseEndpoint("test", found[1]!, false) : undefined;
  };
  return { write: (more: string | Uint8Array) => ((text += more), true), text: () => text, endpoint };
}

/** `npm run monitor`, until `stop`. */
async function startMonitor(args: readonly string[] = []) {
  const dir = temporaryFolder();
  const [stdout, stderr, signals] = [screen(), screen(), new EventEmitter()];
  const exit = () => {};
  const ended = monitorMain(["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir", dir, "--runs", dir, ...args], { stdout, stderr, env: {}, signals, exit }); // prettier-ignore
  let over = false;
  void ended.then(() => (over = true));
  await until(() => over || stdout.endpoint("listening on ") !== undefined);
  const endpoint = stdout.endpoint("listening on ")!;
  return { dir, endpoint, stdout, stderr, stop: () => (signals.emit("SIGTERM"), ended), ended };
}

it.each([
  [["--metrics-listen", "localhost"], "--metrics-listen localhost: expected HOST:PORT"],
  [["--metrics-push", "localhost:0"], "--metrics-push localhost:0: the port is out of range"],
  [["--metrics-listen", "0.0.0.0:0"], "can be reached from other machines and needs a certificate and a token"],
  [["--metrics-push", "monitor.example:1"], "monitor.example:1 is on another machine, which needs a token"],
  [["--metrics-listen", "localhost:0", "--token-file", "/none"], "--token-file /none: ENOENT"],
  [["--metrics-listen", "localhost:0", "--token-file", "/dev/null"], "a token must be one word of ASCII characters"],
])("%j exits with 2 before anything is created: %s", async (argv, message) => {
  const workdir = join(temporaryFolder(), "run");
  const ran = await pipeline(["count", ...argv, "--workdir", workdir]);
  expect(ran.exitCode).toBe(2);
  expect(ran.stderr).toContain(message);
  expect(ran.stderr).toContain("remedy: ");
  expect(existsSync(workdir)).toBe(false);
});

describe("--metrics-listen", () => {
  it("serves the metrics of the run while it runs, and those of its record; then all is closed", async () => {
    const workdir = temporaryFolder();
    await pipeline(["count", "--workdir", workdir], { run: () => metricsOf(2, async () => {}) });
    const stderr = screen();
    const batches: MetricBatch[] = [];
    let completed = false;
    const run = () =>
      metricsOf(4, async (step) => {
        if (step === 1) {
          const client = connect({ endpoint: stderr.endpoint("is served at ")! });
          client.watch().subscribe({ next: (batch) => batches.push(batch), complete: () => (completed = true) });
        }
        await until(() => steps(batches).length >= 1 + step);
      });
    const argv = ["count", "--workdir", workdir, "--metrics-listen", "127.0.0.1:0"];
    expect((await pipeline(argv, { run, stderr })).exitCode).toBe(0);
    await until(() => completed);
    expect(steps(batches)).toEqual([1, 2, 1, 2, 3, 4]);
    expect(batches[0]!.runId).toMatch(/^count-[0-9a-f]{8}$/);
    expect(batches.flatMap(({ metrics }) => metrics).at(-1)).toMatchObject({ name: "train/loss", value: 2, unit: "1" });
    await expect(lastValueFrom(connect({ endpoint: stderr.endpoint("is served at ")! }).watch())).rejects.toThrow();
  });

  it("goes on serving while a step blocks the run's own thread", async () => {
    const stderr = screen();
    let seen = "";
    const run = () =>
      metricsOf(3, async (step) => {
        if (step < 3) return;
        const { host, port } = stderr.endpoint("is served at ")!;
        // Nothing of this process's main thread runs until the child has got two metrics and ended.
        seen = execFileSync(process.execPath, ["-e", CHILD, `${host}:${port}`], { encoding: "utf8", timeout: 20_000 });
      });
    const argv = ["count", "--workdir", temporaryFolder(), "--metrics-listen", "127.0.0.1:0"];
    expect((await pipeline(argv, { run, stderr })).exitCode).toBe(0);
    expect(seen).toBe("1,2");
  });

  it("is refused with exit code 2 where another listens", async () => {
    const monitor = await startMonitor();
    const address = `127.0.0.1:${monitor.endpoint.port}`;
    const ran = await pipeline(["count", "--workdir", temporaryFolder(), "--metrics-listen", address]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(`--metrics-listen ${address}: cannot listen there`);
    await monitor.stop();
  });
});

describe("--metrics-push", () => {
  it("brings every metric to the monitor, which serves many runs and stores them by name", async () => {
    const monitor = await startMonitor();
    const address = `127.0.0.1:${monitor.endpoint.port}`;
    const workdir = temporaryFolder();
    const push = (to: string, count: number) =>
      pipeline(["count", "--workdir", to, "--metrics-push", address], { run: () => metricsOf(count, async () => {}) });
    const runs = await Promise.all([push(workdir, 500), push(temporaryFolder(), 3)]);
    // The record is pushed anew from its beginning, and what is known dropped.
    runs.push(await push(workdir, 2));
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    const runId = readFileSync(join(workdir, "run-id"), "utf8").trim();
    const batches = await lastValueFrom(connect(monitor).watch({ span: "PAST" }).pipe(toArray()));
    const first = steps(batches.filter((batch) => batch.runId === runId));
    expect(first).toEqual([...Array.from({ length: 500 }, (_, i) => i + 1), 1, 2]);
    expect(steps(batches.filter((batch) => batch.runId !== runId))).toEqual([1, 2, 3]);
    expect(existsSync(join(monitor.dir, `${runId}.jsonl`))).toBe(true);
    expect(await monitor.stop()).toBe(143);
    expect(readdirSync(monitor.dir).filter((file) => file.startsWith("."))).toEqual([]);
  });

  it("keeps the name that was given, in a run that follows and without a monitor", async () => {
    const monitor = await startMonitor();
    const workdir = temporaryFolder();
    const run = () => metricsOf(2, async () => {});
    const start = (...more: string[]) => pipeline(["count", "--workdir", workdir, ...more], { run });
    const push = ["--metrics-push", `127.0.0.1:${monitor.endpoint.port}`];
    const name = () => readFileSync(join(workdir, "run-id"), "utf8").trim();
    await start("--run-id", "mine");
    expect(name()).toBe("mine");
    expect((await start(...push)).stderr).toContain("metrics: run mine is pushed to");
    expect((await start(...push, "--run-id", "other")).stderr).toContain("metrics: run mine goes on as run other");
    await start();
    expect(name()).toBe("other");
    const batches = await lastValueFrom(connect(monitor).watch({ span: "PAST" }).pipe(toArray()));
    expect(new Set(batches.map(({ runId }) => runId))).toEqual(new Set(["mine", "other"]));
    expect(new Set(batches.map(({ node }) => node)).size).toBe(1);
    await monitor.stop();
  });

  it("does not keep the run from its end when the monitor is away, and says where the metrics are", async () => {
    const argv = ["count", "--workdir", temporaryFolder(), "--metrics-push", "127.0.0.1:1"];
    const ran = await pipeline(argv, { run: () => metricsOf(3, async () => {}) });
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("warning: the monitor 127.0.0.1:1 does not take metrics (UNAVAILABLE");
    expect(ran.stderr).toMatch(/does not have all metrics; they are in \S+metrics\.jsonl, and are sent when the run goes on/); // prettier-ignore
  });

  it("goes over TLS with a token, and is refused without it", async () => {
    const { paths } = selfSigned();
    const token = join(temporaryFolder(), "token");
    writeFileSync(token, "a-secret\n");
    const files = ["--tls-cert", paths.cert, "--tls-key", paths.key, "--token-file", token];
    const monitor = await startMonitor(files);
    const push = (...more: string[]) =>
      pipeline(
        ["count", "--workdir", temporaryFolder(), "--metrics-push", `localhost:${monitor.endpoint.port}`, ...more],
        { run: () => metricsOf(3, async () => {}) },
      );
    expect((await push("--tls-ca", paths.cert, "--token-file", token)).stderr).not.toContain("warning");
    const refused = await push("--tls-ca", paths.cert);
    expect(refused.stderr).toContain("does not take metrics (UNAUTHENTICATED");
    expect(readdirSync(monitor.dir).filter((file) => file.endsWith(".jsonl"))).toHaveLength(1);
    expect(monitor.stderr.text()).toMatch(/127\.0\.0\.1:\d+ was refused \/scorestream\.v1\.Monitor\/Push/);
    await monitor.stop();
  });
});

describe("npm run monitor", () => {
  it.each([
    [["--listen", "0.0.0.0:0"], "can be reached from other machines and needs a certificate and a token"],
    [["--listen", "here"], "--listen here: expected HOST:PORT"],
    [["--lisen", "localhost:1"], "unknown option '--lisen'"],
    [["more"], "too many arguments"],
    [["--tls-cert", "/none"], "--tls-cert /none: ENOENT"],
    [["--dir", "/dev/null/x"], "/dev/null/x cannot be written"],
  ])("%j exits with 2: %s", async (args, message) => {
    const monitor = await startMonitor(args);
    expect(await monitor.ended).toBe(2);
    expect(monitor.stderr.text()).toContain(message);
    expect(monitor.stderr.text()).toContain("remedy: ");
  });

  it("allows everybody when told so", async () => {
    const monitor = await startMonitor(["--listen", "0.0.0.0:0", "--insecure"]);
    expect(monitor.endpoint.host).toBe("0.0.0.0");
    expect(await monitor.stop()).toBe(143);
  });

  it("explains itself", async () => {
    const monitor = await startMonitor(["--help"]);
    expect(await monitor.ended).toBe(0);
    expect(monitor.stdout.text()).toMatch(/--dir <folder> +folder for the metrics/);
  });
});
