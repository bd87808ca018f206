/** Pages of runs on ports of this machine, closed after the test, and readers of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Metric } from "../../../src/metrics/metric.ts";
import type { Frame } from "../../../src/monitor/web/frames.ts";
import { serveWeb, type WebOptions } from "../../../src/monitor/web/web-server.ts";
import { recordedRun, temporaryFolder } from "../fixture.ts";

/** A run named "run" with a workdir, and its page; `write` adds metrics as the run does. */
export async function webRun(past: readonly Metric[] = [], options: Partial<WebOptions> = {}) {
  const workdir = temporaryFolder();
  const { feed, write } = recordedRun(workdir, past);
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  const endpoint = { host: "127.0.0.1", port: 0 };
  const source = { feed, workdir: () => workdir };
  const server = await serveWeb({ option: "--monitor", endpoint, security: {}, source, tell, ...options });
  let open = true;
  const close = async (grace = 0) => {
    if (!open) return;
    open = false;
    feed.close();
    await server.close(grace);
  };
  onTestFinished(() => close());
  const get = (path: string, init?: RequestInit) => fetch(new URL(path, server.url), { redirect: "manual", ...init });
  const put = (name: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(workdir, name)), { recursive: true });
    writeFileSync(join(workdir, name), content);
  };
  return { ...server, close, workdir, feed, write, told, get, put };
}

/** Asks as no URL class would let one ask: with any path and any headers. @returns The status. */
export function rawStatus(url: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    });
    asked.on("error", reject).end();
  });
}

export interface ServerEvent {
  readonly name: string;
  readonly data: unknown;
}

/** Reads a response's events as they come; leaving the loop breaks off. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent, void> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (name !== undefined && data !== undefined) yield { name, data: JSON.parse(data) as unknown };
    }
  }
}

/** The metrics of a feed until `count` have come, or its end. */
export async function readFrames(response: Response, count = Infinity): Promise<Frame[]> {
  const frames: Frame[] = [];
  let found = 0;
  for await (const { name, data } of eventsOf(response)) {
    if (name !== "metrics") continue;
    frames.push(data as Frame);
    found += frames.at(-1)!.metrics.length;
    if (found >= count) break;
  }
  return frames;
}

export const stepsOf = (frames: readonly Frame[]): number[] =>
  frames.flatMap(({ metrics }) => metrics.map(({ step }) => step));
