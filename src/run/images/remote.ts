/** Images of a server, `data.path=grpc://HOST:PORT[/NAME]`: copied once to this machine, then read like any other. */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { OnProgress } from "../../data/dataset.ts";
import { writingTo } from "../../data/fetch/writing-to.ts";
import { RunError, UsageError } from "../../base/errors.ts";
import { parseEndpoint } from "../../grpc/endpoint.ts";
import { FlightClient } from "../../grpc/flight/client.ts";
import { pullDataset } from "../../grpc/flight/pull.ts";
import { clientSecurity } from "../../grpc/security.ts";
import { wantedPaths } from "../../grpc/flight/wanted-paths.ts";
import { KEEPALIVE } from "../../grpc/flight/wanted-paths.ts";
import { byteText } from "../../base/format.ts";
import { lockWorkdir } from "../lock.ts";
import type { RunContext } from "../pipeline.ts";
import { readSecrets } from "../../grpc/secrets.ts";

const URL_FORM = /^grpc(?:\+tls)?:\/\/([^/]+)(?:\/([\w.-]+))?\/?$/;

/** True when `data.path` names a server. */
export const isRemote = (path: string): boolean => /^grpc[+\w]*:/.test(path);

/** A signal came before the data were copied; the next run goes on with it. */
export class CopyStopped extends RunError {}

/** Interval at which another run's copy of the same data on this machine is looked for, ms. */
const LOOK = 1000;

/** Locks the folder, waiting for another run that is copying to it. */
async function locked(directory: string, signal: AbortSignal, onProgress: OnProgress): Promise<() => void> {
  for (let told = false; !signal.aborted; told = true) {
    try {
      return lockWorkdir(directory, onProgress, { folder: "the copy", option: "data.path" });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      if (!told) onProgress(`waiting for another run that copies the data: ${error.message}`);
      await wait(LOOK);
    }
  }
  throw new CopyStopped("stopped while the data were copied");
}

/**
 * Copies all splits of a data set, checked by hash, unless that was done before; interrupted, it goes on.
 *
 * The folder is named after the manifests: other data go elsewhere, the same data of another server are found again.
 *
 * @returns The folder, as `npm run data -- prepare --out` names one.
 * @throws UsageError when the server has no such data, or the cache cannot be written; RunError when the disk is full;
 *   FlightError when the server cannot be reached; CopyStopped when stopped.
 */
export async function copiedImages(
  path: string,
  { cacheDir, signal }: Pick<RunContext, "cacheDir" | "signal">,
  onProgress: OnProgress,
): Promise<string> {
  const [, server, name] = URL_FORM.exec(path) ?? [];
  if (server === undefined) {
    throw new UsageError(`data.path ${path}: expected grpc://HOST:PORT/NAME`, "for example grpc://127.0.0.1:50053");
  }
  const endpoint = parseEndpoint("data.path", server, false);
  const client = new FlightClient(
    endpoint,
    clientSecurity("data.path", endpoint, readSecrets({}, process.env)),
    KEEPALIVE,
  );
  try {
    const said = { server: "data.path", name: `choose one data set with data.path=grpc://${server}/NAME` };
    const paths = await wantedPaths(client, { from: server, name, splits: undefined }, said);
    const hash = createHash("sha256");
    let [images, bytes] = [0, 0];
    for (const flight of paths) {
      hash.update(Buffer.concat(await client.action("manifest", Buffer.from(JSON.stringify({ path: flight })))));
      const { totalRecords, totalBytes } = await client.info(flight);
      [images, bytes] = [images + Number(totalRecords), bytes + Number(totalBytes)];
    }
    const directory = join(cacheDir, "data", "flight", hash.digest("hex").slice(0, 16), paths[0]![0]!);
    const writing = <T>(action: () => Promise<T>) => writingTo(cacheDir, Math.ceil(bytes / 1e6), action);
    const unlock = await writing(async () => {
      mkdirSync(directory, { recursive: true });
      return locked(directory, signal, onProgress);
    });
    try {
      onProgress(
        `NOTE: ${images} images (${byteText(bytes)}) are copied from ${server} to ${directory} ` +
          "unless they are already there; this machine needs that much disk space",
      );
      let before = 0;
      for (const flight of paths) {
        const stage = `copying ${flight.join("/")}`;
        const pull = {
          ...{ client, path: flight, directory: join(directory, flight[1]!), signal },
          onProgress: (done: number) => onProgress(stage, Math.min(0.999, (before + done) / images)),
          onMessage: onProgress,
        };
        const copied = await writing(() => pullDataset(pull));
        if (!copied.manifest) throw new CopyStopped("stopped while the data were copied");
        before += copied.images;
      }
    } finally {
      unlock();
    }
    return directory;
  } finally {
    client.close();
  }
}
