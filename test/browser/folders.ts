/** A monitor over folders of runs, and a gate between it and the browser. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pngGrid } from "../../src/data/formats/png-grid.ts";
import type { NearestImages } from "../../src/metrics/nearest-images.ts";

export interface RunFolder {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Values of metrics by name, of the steps `every`, `2 * every` ... */
  readonly values: Readonly<Record<string, readonly number[]>>;
  readonly every?: number;
  /** ms since 1970 of its start, and between its log steps. */
  readonly start?: number;
  readonly pace?: number;
}

const START = Date.parse("2026-01-02T03:00:00Z");

const timeAt = (ms: number) => new Date(ms).toISOString();

/** Writes what a run leaves. */
export function writeRun(folder: string, { name, config, values, every = 10, start = START, pace = 1000 }: RunFolder) {
  const workdir = join(folder, name);
  mkdirSync(workdir, { recursive: true });
  const length = Math.max(...Object.values(values).map((each) => each.length));
  const lines = Array.from({ length }, (_, i) =>
    Object.entries(values).flatMap(
      ([metric, all]) =>
      i < all.length ? [JSON.stringify({ name: metric, step: every * (i + 1), value: all[i], unit: "1", time: timeAt(start + pace * i) })] : [], // prettier-ignore
    ),
  ).flat();
  const state = { phase: "finished", time: timeAt(start + pace * length), stage: "", done: 0, unit: "", step: every * length, pipeline: "cifar10", images: 0, seconds: 0, runSeconds: (pace * length) / 1000, idleSeconds: 0, phases: [] }; // prettier-ignore
  writeFileSync(join(workdir, "metrics.jsonl"), `${[...lines, JSON.stringify({ state })].join("\n")}\n`);
  writeFileSync(join(workdir, "config.json"), JSON.stringify(config));
  writeFileSync(join(workdir, "run-id"), `${name}\n`);
  writeFileSync(join(workdir, "log.txt"), "a line\n");
}

/** Writes what a look at a step leaves: grids of 16 plain images, and the nearest of 1,000 training images. */
export function writeGrids(workdir: string, step: number, { raw = true, near = 12 } = {}) {
  const folder = join(workdir, "samples");
  mkdirSync(folder, { recursive: true });
  const shape = [8, 8, 3] as const;
  const grid = (shade: number) => pngGrid(Uint8Array.from({ length: 16 * 192 }, (_, i) => (shade + 37 * Math.floor(i / 192) + 80 * (i % 3)) % 256), shape); // prettier-ignore
  writeFileSync(join(folder, `samples_${step}.png`), grid(step));
  if (raw) writeFileSync(join(folder, `raw_${step}.png`), grid(step + 60));
  const samples = Array.from({ length: 16 }, (_, i) => ({ image: 1000 + i, distance: near + ((7 * i) % 16) }));
  const nearest: NearestImages = { step, searched: 1000, of: 50_000, mirrored: true, shape, samples, test: [20, 25, 30] }; // prettier-ignore
  writeFileSync(join(folder, `nearest_${step}.png`), grid(step + 10));
  writeFileSync(join(folder, `nearest_${step}.json`), JSON.stringify(nearest));
}

/** `npm run monitor` over the runs that `write` puts into a folder; it may leave a file `token` beside it. */
export async function startMonitor(write: (folder: string) => void, option?: "--token-file") {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-browser-"));
  const runs = join(folder, "runs");
  mkdirSync(runs);
  write(runs);
  const program = ["scripts/run.mjs", "src/cli/monitor.ts", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir", join(folder, "kept"), "--runs", runs, ...(option ? [option, join(folder, "token")] : [])]; // prettier-ignore
  const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  let text = "";
  const url = await new Promise<string>((resolve, reject) => {
    const more = (part: Buffer) => {
      text += String(part);
      const found = /page: (http:\S+)/.exec(text);
      if (found) resolve(found[1]!);
    };
    child.stdout.on("data", more);
    child.stderr.on("data", more);
    void ended.then(([code]) => reject(new Error(`the monitor ended with ${code}:\n${text}`)));
  });
  return {
    url,
    runs,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Passes requests on to `url`, counts the feeds that are open, and can let them fall silent without closing them. */
export async function countingGate(url: string) {
  const open = new Set<{ silent: boolean }>();
  let feeds = 0;
  const server = createServer((request, response) => {
    const { hostname, port } = new URL(url);
    const feed = { silent: false };
    if (request.url!.startsWith("/api/feed")) {
      feeds++;
      open.add(feed);
      response.on("close", () => open.delete(feed));
    }
    const asked = ask({ hostname, port, path: request.url, method: request.method, agent: false }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.on("data", (part) => !feed.silent && response.write(part));
      answer.on("end", () => response.end());
    });
    asked.on("error", () => response.destroy());
    response.on("close", () => asked.destroy());
    asked.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** Feeds that are open now, and those that ever were. */
    open: () => open.size,
    feeds: () => feeds,
    silence: () => open.forEach((feed) => (feed.silent = true)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
