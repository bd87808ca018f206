/**
 * Tracks real runs by a real MLflow server: one that finishes and goes on, one that fails, one whose server comes late.
 * Compares what the server has with the runs' records.
 *
 *     python3 -m venv venv && venv/bin/pip install mlflow
 *     node scripts/run.mjs lab/mlflow.ts venv/bin/mlflow
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePort } from "../src/grpc/free-port.ts";

const [program] = process.argv.slice(2);
const version = program === undefined ? undefined : spawnSync(program, ["--version"], { encoding: "utf8" });
if (version?.status !== 0) {
  console.error("lab/mlflow.ts: there is no MLflow: give the path of its program, see the first lines of this file");
  process.exit(2);
}
console.log(version.stdout.trim());

const folder = mkdtempSync(join(tmpdir(), "scorestream-mlflow-"));
const { port, release } = await freePort();
await release();
const url = `http://127.0.0.1:${port}`;
let failures = 0;
const check = (what: string, holds: boolean, more = "") => {
  if (!holds) failures++;
  console.log(`${holds ? "holds" : "FAILS"}: ${what}${more && `, ${more}`}`);
};

async function startServer(): Promise<ChildProcess> {
  const store = ["--backend-store-uri", `sqlite:///${join(folder, "mlflow.db")}`, "--artifacts-destination", join(folder, "artifacts")]; // prettier-ignore
  const server = spawn(program!, ["server", "--host", "127.0.0.1", "--port", String(port), "--workers", "1", ...store], { stdio: "ignore", detached: true }); // prettier-ignore
  for (let i = 0; i < 240; i++) {
    if (await fetch(`${url}/health`).then(({ ok }) => ok, () => false)) return server; // prettier-ignore
    await setTimeout(500);
  }
  throw new Error("MLflow did not start within 120 s");
}

async function call<T>(path: string, body?: object): Promise<T> {
  const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
    ...(body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

const workdir = (name: string) => join(folder, name);
async function run(name: string, ...more: string[]): Promise<{ code: number; seconds: number }> {
  const begun = performance.now();
  const small = ["--set", "training.logEvery=10", "--set", "eval.numImages=64", "--set", "eval.boundTimes=10"];
  const argv = ["scripts/run.mjs", "src/cli/main.ts", "gaussian", "--workdir", workdir(name), "--track", `mlflow:${url}`, ...small, ...more]; // prettier-ignore
  const [code] = (await once(spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "inherit"] }), "exit")) as [number]; // prettier-ignore
  return { code, seconds: (performance.now() - begun) / 1000 };
}

interface Stored {
  readonly info: { readonly run_id: string; readonly status: string; readonly end_time?: number };
  readonly data: { readonly params?: { readonly key: string; readonly value: string }[]; readonly tags: { readonly key: string; readonly value: string }[] }; // prettier-ignore
}

/** The runs of a workdir that the server has. */
async function stored(name: string): Promise<Stored[]> {
  const { experiment } = await call<{ experiment: { experiment_id: string } }>("experiments/get-by-name?experiment_name=gaussian"); // prettier-ignore
  const id = readFileSync(join(workdir(name), "run-id"), "utf8").trim();
  const filter = `tags.\`scorestream.run_id\` = '${id}'`;
  return (await call<{ runs?: Stored[] }>("runs/search", { experiment_ids: [experiment.experiment_id], filter })).runs ?? []; // prettier-ignore
}

/** True when the server has each metric of the record once, and nothing else. */
async function isWhole(name: string, { info }: Stored): Promise<readonly [boolean, string]> {
  const lines = readFileSync(join(workdir(name), "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  const record = lines.map((line) => JSON.parse(line) as { name?: string; step: number; value: number | null; time: string }); // prettier-ignore
  const metrics = record.filter((line) => line.name !== undefined);
  const names = [...new Set(metrics.map(({ name }) => name!))];
  const keyOf = (name: string, step: number, value: unknown, time: number) => JSON.stringify([name, step, value, time]);
  const wanted = new Set(metrics.map(({ name, step, value, time }) => keyOf(name!, step, value ?? "NaN", Date.parse(time)))); // prettier-ignore
  const have: string[] = [];
  for (const name of names) {
    const query = new URLSearchParams({ run_id: info.run_id, metric_key: name, max_results: "20000" });
    const { metrics = [] } = await call<{ metrics?: { key: string; value: number; step: number; timestamp: number }[] }>(`metrics/get-history?${query}`); // prettier-ignore
    have.push(...metrics.map(({ key, value, step, timestamp }) => keyOf(key, step, value, timestamp)));
  }
  const missing = [...wanted].filter((key) => !have.includes(key));
  return [missing.length === 0 && have.length === wanted.size, `${have.length} of ${wanted.size} metrics of ${names.length} names`]; // prettier-ignore
}

let server = await startServer();
const stop = async () => {
  process.kill(-server.pid!, "SIGTERM");
  await once(server, "exit");
};
try {
  check("a run ends with 0", (await run("a", "--steps", "60")).code === 0);
  const [first, ...others] = await stored("a");
  check("one MLflow run, FINISHED, with its end", others.length === 0 && first!.info.status === "FINISHED" && Number(first!.info.end_time) > 0); // prettier-ignore
  check("all metrics, each once", ...(await isWhole("a", first!)));
  const params = new Map(first!.data.params?.map(({ key, value }) => [key, value]));
  check("the settings", params.get("training.batchSize") === "512" && params.get("sde") === "vp", `${params.size} of them`); // prettier-ignore

  check("it goes on with 0", (await run("a", "--steps", "120")).code === 0);
  const again = await stored("a");
  check("in the same MLflow run", again.length === 1 && again[0]!.info.run_id === first!.info.run_id);
  check("all metrics of both starts, each once", ...(await isWhole("a", again[0]!)));

  check(
    "a run that fails ends with 1",
    (
      await run(
        "b",
        "--steps",
        "3000",
        ...["optim.lr=10", "optim.warmup=0", "optim.gradClip=-1", "model.numResBlocks=16"].flatMap((field) => [
          "--set",
          field,
        ]),
      )
    ).code === 1,
  );
  const [failed] = await stored("b");
  check("it is FAILED, with its error", failed?.info.status === "FAILED", failed?.data.tags.find(({ key }) => key === "scorestream.error")?.value); // prettier-ignore

  await stop();
  const late = run("c", "--steps", "3000");
  await setTimeout(12_000);
  server = await startServer();
  check("a run whose server comes late ends with 0", (await late).code === 0);
  const [behind] = await stored("c");
  check("and all metrics are there", ...(await isWhole("c", behind!)));

  await stop();
  const { code, seconds } = await run("d", "--steps", "60");
  check("a run whose server never comes ends with 0", code === 0, `${seconds.toFixed(1)} s in all`);
} finally {
  if (server.exitCode === null && server.signalCode === null) await stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(failures === 0 ? "all holds" : `${failures} fail`);
process.exitCode = failures === 0 ? 0 : 1;
