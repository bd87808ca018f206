/** --otlp, through the command line, against a real receiver. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { ServerCredentials } from "@grpc/grpc-js";
import { of } from "rxjs";
import { describe, expect, it } from "vitest";
import { codeVersion } from "../../src/base/code-version.ts";
import type { RunEvent } from "../../src/run/pipeline.ts";
import { parseOtlp } from "../../src/cli/otlp.ts";
import { selfSigned, until } from "../grpc/fixture.ts";
import { collector } from "../monitor/collector.ts";
import { pipeline, temporaryFolder } from "./fixture.ts";

const metric = (name: string, step: number, value: number, unit = "1"): RunEvent => {
  return { type: "metric", name, step, value, unit };
};

const run = () =>
  of(
    metric("train/loss", 10, 0.5),
    metric("train/loss", 20, 0.25),
    metric("train/seconds_per_step", 20, 0.125, "s"),
    metric("eval/bpd", 20, NaN, "bits/dim"),
  );

const otlp = (url: string, ...more: string[]) => ["count", "--workdir", temporaryFolder(), "--otlp", url, ...more];

describe("parseOtlp", () => {
  it.each([
    ["http://localhost", { host: "localhost", port: 4317 }],
    ["http://127.0.0.1:80/", { host: "127.0.0.1", port: 80 }],
    ["http://[::1]:4318", { host: "::1", port: 4318 }],
  ])("%s is plain", (url, endpoint) => {
    expect(parseOtlp(url, {})).toEqual({ endpoint, security: {} });
  });

  it("encrypts https, here and elsewhere, and http elsewhere needs --insecure; the token stays here", () => {
    const endpoint = { host: "otel.example", port: 4317 };
    expect(parseOtlp("https://otel.example", { token: "t" })).toEqual({ endpoint, security: { tls: {} } });
    const { cert: tlsCa } = selfSigned();
    expect(parseOtlp("HTTPS://localhost:443", { tlsCa }).security).toEqual({ tls: { ca: tlsCa } });
    expect(parseOtlp("http://otel.example", { insecure: true })).toEqual({ endpoint, security: {} });
  });

  it.each([
    ["localhost:4317", "not the address of a collector"],
    ["grpc://localhost:4317", "not the address of a collector"],
    ["http://localhost:0", "not the address of a collector"],
    ["http://localhost:65536", "not the address of a collector"],
    ["http://[local]:4317", "not the address of a collector"],
    ["http://localhost/v1/metrics", "not the address of a collector"],
    ["http://user:password@localhost", "not the address of a collector"],
    ["", "not the address of a collector"],
    ["http://otel.example:4317", "is on another machine, and http is not encrypted"],
  ])("%j exits with 2 before anything is created", async (url, message) => {
    const workdir = join(temporaryFolder(), "run");
    const ran = await pipeline(["count", "--workdir", workdir, "--otlp", url]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain("remedy: ");
    expect(existsSync(workdir)).toBe(false);
  });

  it("refuses a file that is no certificate", async () => {
    const ca = join(temporaryFolder(), "ca.pem");
    writeFileSync(ca, "no PEM");
    const ran = await pipeline(otlp("https://localhost", "--tls-ca", ca));
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(`--tls-ca ${ca}: it has no certificate`);
  });
});

/** Not one of those that say how far the run is. */
const isMeasured = ({ name }: { readonly name: string }) => !name.startsWith("scorestream.run_");

describe("--otlp", () => {
  it("exports the newest value of each metric with its unit, node and resource", async () => {
    const { endpoint, exports } = await collector();
    const argv = otlp(`http://127.0.0.1:${endpoint.port}`);
    const ran = await pipeline(argv, { run });
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).not.toContain("warning");
    const runId = readFileSync(join(argv[2]!, "run-id"), "utf8").trim();
    const common = {
      attributes: { node: hostname() },
      resource: {
        "service.name": "scorestream",
        "service.version": codeVersion(),
        "host.name": hostname(),
        "service.instance.id": runId,
        "scorestream.run_id": runId,
        "scorestream.pipeline": "count",
      },
    };
    expect(exports.at(-1)!.filter(isMeasured)).toEqual([
      { name: "scorestream.train.loss", unit: "1", value: 0.25, ...common },
      { name: "scorestream.step", unit: "{step}", value: 20, ...common },
      { name: "scorestream.train.seconds_per_step", unit: "s", value: 0.125, ...common },
      { name: "scorestream.eval.bpd", unit: "bits/dim", value: NaN, ...common },
    ]);
  });

  it("leaves out the past of the record", async () => {
    const { endpoint, exports } = await collector();
    const argv = otlp(`http://127.0.0.1:${endpoint.port}`);
    expect((await pipeline(argv.slice(0, 3), { run })).exitCode).toBe(0);
    expect((await pipeline(argv, { run: () => of(metric("eval/bound", 20, 4)) })).exitCode).toBe(0);
    expect(exports.at(-1)!.filter(isMeasured).map(({ name }) => name)).toEqual(["scorestream.eval.bound", "scorestream.step"]); // prettier-ignore
  });

  it("goes over TLS", async () => {
    const { paths, cert, key } = selfSigned();
    const credentials = ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: key }]);
    const { endpoint, exports } = await collector({ credentials });
    const url = `https://localhost:${endpoint.port}`;
    expect((await pipeline(otlp(url, "--tls-ca", paths.cert), { run })).stderr).not.toContain("warning");
    expect(exports).toHaveLength(1);
    // Signed by nobody whom the system trusts.
    expect((await pipeline(otlp(url), { run })).stderr).toContain(`the collector localhost:${endpoint.port} does not take metrics`); // prettier-ignore
    expect(exports).toHaveLength(1);
  });

  it("neither fails nor holds up a run whose collector is away, and warns once", async () => {
    const ran = await pipeline(otlp("http://127.0.0.1:1"), { run });
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr.match(/warning: .*/g)).toEqual([
      expect.stringMatching(/the collector 127\.0\.0\.1:1 does not take metrics \(14 UNAVAILABLE/),
    ]);
  });

  it("is closed when another target refuses to start", async () => {
    const { endpoint } = await collector();
    const address = `127.0.0.1:${endpoint.port}`;
    const workers: Worker[] = [];
    const add = (worker: Worker) => void workers.push(worker);
    process.on("worker", add);
    const ran = await pipeline(otlp(`http://${address}`, "--metrics-listen", address), { run });
    process.off("worker", add);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(`--metrics-listen ${address}: cannot listen there`);
    // Those of the exporter, the record and the lock.
    await until(() => workers.length === 3 && workers.every(({ threadId }) => threadId === -1));
  });

  it("leaves a collector that does not answer after its deadline", async () => {
    const { endpoint, exports } = await collector({ silent: true });
    const ran = await pipeline(otlp(`http://127.0.0.1:${endpoint.port}`), { run });
    expect(ran.exitCode).toBe(0);
    expect(exports).toHaveLength(1);
    // Not the export's own deadline, which is longer.
    expect(ran.stderr.match(/warning: .*/g)).toEqual([expect.stringContaining("(no answer within 2 s)")]);
  });
});
