/** `npm run data -- pull`. */
import { join } from "node:path";
import { writeDatasetCard } from "../data/prepare/dataset-card.ts";
import { parseEndpoint } from "../grpc/endpoint.ts";
import { FlightClient } from "../grpc/flight/client.ts";
import { pullDataset, type Pulled } from "../grpc/flight/pull.ts";
import { clientSecurity } from "../grpc/security.ts";
import type { PullRequest } from "./data-flight-options.ts";
import { bytesIn } from "./data-text.ts";
import { byteText } from "../base/format.ts";
import type { Environment } from "./environment.ts";
import { duration } from "../base/format.ts";
import { failWithoutLock } from "../run/lock.ts";
import { openLocked } from "../run/workdir.ts";
import { reporterFor } from "./reporter.ts";
import { readSecrets } from "../grpc/secrets.ts";
import { listenForSignals } from "./signals.ts";
import { KEEPALIVE, wantedPaths } from "../grpc/flight/wanted-paths.ts";

type Surroundings = Pick<Environment, "stdout" | "stderr" | "env" | "signals" | "exit" | "now">;

interface PulledSplit extends Pulled {
  readonly path: readonly string[];
  readonly directory: string;
  readonly seconds: number;
}

async function pullSplit(
  client: FlightClient,
  path: readonly string[],
  { out }: PullRequest,
  { stderr, now }: Surroundings,
  signal: AbortSignal,
): Promise<PulledSplit> {
  const reporter = reporterFor(stderr, now);
  const onMessage = (text: string) => reporter.message(text);
  const directory = join(out, path[1]!);
  const unlock = openLocked(directory, onMessage, { folder: "folder", option: "--out" }, failWithoutLock);
  const started = now();
  try {
    const { totalRecords } = await client.info(path);
    reporter.stage({ name: `copying ${path.join("/")}`, total: totalRecords, unit: "images" });
    const onProgress = (done: number) => reporter.progress({ done });
    const pulled = await pullDataset({ client, path, directory, onProgress, onMessage, signal });
    return { path, directory, seconds: (now() - started) / 1000, ...pulled };
  } finally {
    reporter.close();
    unlock();
  }
}

export function splitLine({ path, directory, manifest, images, kept, seconds }: PulledSplit): string {
  const name = path.join("/");
  if (!manifest)
    return `${name}: stopped; ${images} images are in finished shards; run the same command again to continue\n`;
  if (kept === images) return `${name}: ${images} images, copied before, in ${directory}\n`;
  return `${name}: ${images} images, ${byteText(bytesIn(manifest))}, in ${directory} (${duration(seconds)})\n`;
}

/**
 * Copies splits from a server, until a signal.
 *
 * @returns The exit code: 0; 130 or 143 when stopped.
 * @throws UsageError when the server has no such data, or a folder holds other data; FlightError when a call fails.
 */
export async function pullData(request: PullRequest, surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, env, signals, exit } = surroundings;
  const endpoint = parseEndpoint("--from", request.from, false);
  const security = clientSecurity("--from", endpoint, readSecrets(request.security, env));
  const client = new FlightClient(endpoint, security, KEEPALIVE);
  const abort = new AbortController();
  const listening = listenForSignals({ source: signals, onStop: () => abort.abort(), onQuit: exit });
  try {
    const sets: PulledSplit[] = [];
    for (const path of await wantedPaths(client, request)) {
      if (abort.signal.aborted) break;
      const set = await pullSplit(client, path, request, surroundings, abort.signal);
      stderr.write(splitLine(set));
      sets.push(set);
    }
    if (sets.length > 0) await writeDatasetCard(request.out);
    if (request.json) {
      const told = sets.map(({ path, directory, manifest, images, kept, seconds }) => ({
        path,
        directory,
        images,
        kept,
        ...(manifest && { bytes: bytesIn(manifest) }),
        seconds,
      }));
      stdout.write(`${JSON.stringify({ command: "pull", sets: told })}\n`);
    }
    return listening.stopped?.exitCode ?? 0;
  } finally {
    listening.dispose();
    client.close();
  }
}
