/** The page through the command lines of the run and of the monitor. */
import { execFileSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatMap, defer, from, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import { monitorMain } from "../../../src/cli/monitor.ts";
import type { RunEvent } from "../../../src/run/pipeline.ts";
import { Archive } from "../../../src/monitor/archive.ts";
import { pipeline } from "../../cli/fixture.ts";
import { until } from "../../grpc/fixture.ts";
import { batch, temporaryFolder } from "../fixture.ts";
import { readFrames, stepsOf, webRun } from "./fixture.ts";

/** What is written, and the address of the page in it. */
function screen() {
  let text = "";
  return {
    write: (more: string | Uint8Array) => ((text += String(more)), true),
    text: () => text,
    url: () => /page: (https?:\S+\/)/.exec(text)?.[1],
  };
}

/** Metrics of the steps 1 to `count`, each when `ready` resolves; a message first. */
const run = (count: number, ready: (step: number) => unknown) => (): Observable<RunEvent> =>
  from(Array.from({ length: count + 1 }, (_, i) => i)).pipe(
    concatMap((step) =>
      defer(async (): Promise<RunEvent> => {
        if (step === 0) return { type: "message", text: "hello" };
        await ready(step);
        return { type: "metric", name: "train/loss", step, value: step / 2, unit: "1" };
      }),
    ),
  );

/** Reads two metrics from the page in a process of its own. */
const CHILD = `
  const response = await fetch(process.argv[1] + "api/feed");
  let text = "";
  for await (const chunk of response.body) {
    text += Buffer.from(chunk);
    if ((text.match(/"name"/g) ?? []).length === 2) break;
  }
  console.log([...text.matchAll(/"name":"train.loss","step":(\\d+)/g)].map(([, step]) => step).join());
  process.exit();
`;

describe("--monitor", () => {
  it("serves the page of the run while a step blocks its own thread, and is gone after it", async () => {
    const stderr = screen();
    const workdir = temporaryFolder();
    let seen = "";
    const block = async (step: number) => {
      if (step < 3) return;
      // Nothing of this process's main thread runs until the child has got two metrics and ended.
      const argv = ["--input-type=module", "-e", CHILD, stderr.url()!];
      seen = execFileSync(process.execPath, argv, { encoding: "utf8", timeout: 20_000 });
    };
    const argv = ["count", "--workdir", workdir, "--monitor", "127.0.0.1:0"];
    const ran = await pipeline(argv, { run: run(3, block), stderr });
    expect(ran.exitCode).toBe(0);
    expect(seen.trim()).toBe("1,2");
    await expect(fetch(stderr.url()!)).rejects.toThrow();
    const log = readFileSync(join(workdir, "log.txt"), "utf8");
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT\S+Z engine: tensorflow 2\.21\.0 on CPU\n/);
    expect(log).toMatch(/Z hello\n/);
  });

  it("shows the workdir's files, and a watcher gets the run to its end", async () => {
    const stderr = screen();
    let frames: Promise<number[]> | undefined;
    let config: unknown;
    const watch = async (step: number) => {
      if (step > 1) return;
      frames = fetch(`${stderr.url()}api/feed`).then(async (response) => stepsOf(await readFrames(response)));
      const [name] = (await (await fetch(`${stderr.url()}api/runs`)).json()) as string[];
      config = await (await fetch(`${stderr.url()}api/runs/${name}/config`)).json();
    };
    const argv = ["count", "--workdir", temporaryFolder(), "--monitor", "127.0.0.1:0"];
    expect((await pipeline(argv, { run: run(300, watch), stderr })).exitCode).toBe(0);
    expect(config).toMatchObject({ pipeline: "count", training: { batchSize: 8 } });
    expect(await frames).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  });

  it("is refused with exit code 2 where another listens", async () => {
    const { endpoint } = await webRun();
    const address = `127.0.0.1:${endpoint.port}`;
    const ran = await pipeline(["count", "--workdir", temporaryFolder(), "--monitor", address]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(`--monitor ${address}: cannot listen there`);
  });
});

/** `npm run monitor` until `stop`. */
function startMonitor(dir: string, args: readonly string[]) {
  const [stdout, stderr, signals] = [screen(), screen(), new EventEmitter()];
  const environment = { stdout, stderr, env: {}, signals, exit: () => {} };
  const ended = monitorMain(["--listen", "127.0.0.1:0", "--dir", dir, "--runs", dir, ...args], environment);
  return { stdout, stderr, ended, stop: () => (signals.emit("SIGTERM"), ended) };
}

describe("npm run monitor -- --web", () => {
  it("names its own option where its folder cannot be used", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const { ended, stderr } = startMonitor(file, ["--web", "127.0.0.1:0"]);
    expect(await ended).toBe(2);
    expect(stderr.text()).toMatch(/folder .*file cannot be written: .*\n +remedy: use a --dir that you may write to\n/);
  });

  it("shows all runs and nodes that it stores", async () => {
    const dir = temporaryFolder();
    const archive = new Archive(dir);
    for (const [runId, node] of [["a", "x"], ["a", "y"], ["b", "x"]] as const) archive.accept(batch(1, 3, { runId, node })); // prettier-ignore
    const monitor = startMonitor(dir, ["--web", "127.0.0.1:0"]);
    await until(() => monitor.stdout.url() !== undefined);
    const frames = await readFrames(await fetch(`${monitor.stdout.url()}api/feed`), 9);
    expect(frames.map(({ run, node, last }) => [run, node, last])).toEqual([["a", "x", 3], ["a", "y", 3], ["b", "x", 3]]); // prettier-ignore
    expect(await monitor.stop()).toBe(143);
  });

  it("asks for the token, and says so", async () => {
    const token = join(temporaryFolder(), "token");
    writeFileSync(token, "a-secret\n");
    const monitor = startMonitor(temporaryFolder(), ["--web", "127.0.0.1:0", "--token-file", token]);
    await until(() => monitor.stdout.url() !== undefined);
    expect(monitor.stdout.text()).toContain("(asks for the token)");
    expect((await fetch(monitor.stdout.url()!)).status).toBe(401);
    await monitor.stop();
  });

  it("is refused with exit code 2 where another listens, or strangers could, and leaves nothing locked", async () => {
    const { endpoint } = await webRun();
    const dir = temporaryFolder();
    const taken = startMonitor(dir, ["--web", `127.0.0.1:${endpoint.port}`]);
    expect(await taken.ended).toBe(2);
    expect(taken.stderr.text()).toContain(`--web 127.0.0.1:${endpoint.port}: cannot listen there`);
    expect(existsSync(join(dir, ".lock"))).toBe(false);
    const open = startMonitor(dir, ["--web", "0.0.0.0:0"]);
    expect(await open.ended).toBe(2);
    expect(open.stderr.text()).toContain("--web 0.0.0.0:0 can be reached from other machines and needs a certificate and a token"); // prettier-ignore
  });
});
