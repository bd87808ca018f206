/** `npm run data`: prepares, inspects, verifies, serves and copies data. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { prepareAgain } from "../data/prepare/prepare-again.ts";
import { hasManifest, readManifest, type Manifest } from "../data/prepare/manifest.ts";
import { verify } from "../data/prepare/verify.ts";
import { UsageError } from "../base/errors.ts";
import { dataHelp, parseDataOptions, type PrepareRequest, type ReadRequest } from "./data-options.ts";
import { prepareAll, type PreparedSplit } from "./data-prepare.ts";
import { bytesIn, manifestText, passedOverText, skippedText } from "./data-text.ts";
import { byteText } from "../base/format.ts";
import { processEnvironment, type Environment } from "./environment.ts";
import { describeFailure } from "./failure.ts";
import { duration } from "../base/format.ts";
import { runProgram } from "./program.ts";
import { reporterFor } from "./reporter.ts";
import { listenForSignals } from "./signals.ts";
import { formatFileAt, withFormatName } from "./format-file.ts";

type DataEnvironment = Pick<Environment, "stdout" | "stderr" | "env" | "signals" | "exit" | "now">;

const WHEN_FULL =
  "free some space and run the same command again: it continues after the images in finished shards; " +
  "or use an --out on another disk";

/** The folder itself, or the folders of splits in it. @throws UsageError when no manifest is there. */
async function preparedFolders(directory: string): Promise<string[]> {
  if (hasManifest(directory)) return [directory];
  const names = existsSync(directory) ? (await readdir(directory)).sort() : [];
  const found = names.map((name) => join(directory, name)).filter(hasManifest);
  if (found.length > 0) return found;
  throw new UsageError(
    `${directory}: no manifest.json in it or in a folder in it`,
    "name a folder that npm run data -- prepare --out has finished",
  );
}

/** The part of a manifest that JSON output has. */
const brief = (directory: string, manifest: Manifest) => ({
  directory,
  format: manifest.work.format,
  split: manifest.work.split,
  version: manifest.work.version,
  images: manifest.count,
  shape: manifest.shape,
  shards: manifest.shards.length,
  bytes: bytesIn(manifest),
  skipped: manifest.skipped.count,
  skippedFiles: manifest.skipped.files,
  passedOver: manifest.passedOver,
  channelMeans: manifest.channelMeans,
  channelDeviations: manifest.channelDeviations,
});

function splitLine({ split, directory, manifest, images, kept, seconds }: PreparedSplit): string {
  if (!manifest)
    return `${split}: stopped; ${images} images are in finished shards; run the same command again to continue\n`;
  const { skipped, passedOver = [] } = manifest;
  const rate = `${Math.round((images - kept) / Math.max(seconds, 1e-3))} images/s`;
  const what =
    kept === images
      ? `prepared before, in ${directory}`
      : `${byteText(bytesIn(manifest))}, in ${directory} (${duration(seconds)}, ${rate})`;
  const left = skipped.count + skipped.files > 0 ? `; left out: ${skippedText(skipped)}` : "";
  const over = passedOver.length > 0 ? `${left ? "\n " : ";"} passed over: ${passedOverText(passedOver)}` : "";
  return `${split}: ${images} images, ${what}${left}${over}\n`;
}

async function runPrepare(request: PrepareRequest, environment: DataEnvironment): Promise<number> {
  const { stdout, stderr } = environment;
  const abort = new AbortController();
  const signals = listenForSignals({
    source: environment.signals,
    onStop: () => abort.abort(),
    onQuit: environment.exit,
  });
  try {
    const sets = await prepareAll(request, environment, abort.signal);
    for (const set of sets) stderr.write(splitLine(set));
    if (request.json) {
      const told = sets.map(({ directory, manifest, images, kept, seconds }) => ({
        ...(manifest ? brief(directory, manifest) : { directory, images }),
        kept,
        seconds,
        imagesPerSecond: (images - kept) / Math.max(seconds, 1e-3),
      }));
      stdout.write(`${JSON.stringify({ command: "prepare", sets: told })}\n`);
    }
    return signals.stopped?.exitCode ?? 0;
  } catch (error) {
    if (!signals.stopped || !(error instanceof Error && error.name === "AbortError")) throw error;
    stderr.write("stopped while data were fetched; run the same command again\n");
    return signals.stopped.exitCode;
  } finally {
    signals.dispose();
  }
}

async function inspect({ directory, json }: ReadRequest, { stdout }: DataEnvironment): Promise<number> {
  const folders = await preparedFolders(directory);
  const manifests = await Promise.all(folders.map(readManifest));
  if (json) {
    const sets = manifests.map((manifest, i) => ({ directory: folders[i], ...manifest }));
    stdout.write(`${JSON.stringify({ command: "inspect", sets })}\n`);
  } else stdout.write(manifests.map(manifestText).join("\n"));
  return 0;
}

/** @throws UsageError, once all is checked, when a shard is not as it was written. */
async function runVerify({ directory, json }: ReadRequest, environment: DataEnvironment): Promise<number> {
  const { stdout, stderr, now } = environment;
  const reporter = reporterFor(stderr, now);
  const sets: (ReturnType<typeof brief> & { readonly faults: readonly string[] })[] = [];
  const remedies = new Set<string>();
  for (const folder of await preparedFolders(directory)) {
    const { count, work } = await readManifest(folder);
    reporter.stage({ name: `verifying ${work.format} ${work.split}`, total: count, unit: "images" });
    try {
      const { manifest, faults } = await verify(folder, (done) => reporter.progress({ done }));
      const { count: images, files } = manifest.skipped;
      if (faults.length > 0) remedies.add(prepareAgain(folder, manifest.work, images + files > 0));
      sets.push({ ...brief(folder, manifest), faults });
    } finally {
      reporter.close();
    }
  }
  const faults = sets.flatMap((set) => set.faults);
  if (json) stdout.write(`${JSON.stringify({ command: "verify", ok: faults.length === 0, sets })}\n`);
  if (faults.length > 0) {
    throw new UsageError(faults.join("\n  "), [...remedies].join("\n  and "));
  }
  for (const { directory, images, shards } of sets)
    stderr.write(`${directory}: ${images} images, ${shards} shards, whole\n`);
  return 0;
}

/**
 * Runs the program.
 *
 * @param argv Arguments after the program's name, such as `["inspect", "data/photos"]`.
 * @returns The exit code: 0 done; 1 failed while running; 2 bad usage or data; 130 or 143 stopped by a signal.
 */
export async function dataMain(argv: readonly string[], overrides: Partial<DataEnvironment> = {}): Promise<number> {
  const environment = { ...processEnvironment(), ...overrides };
  try {
    const at = formatFileAt(argv);
    const request = parseDataOptions(at < 0 ? argv : await withFormatName(argv, at));
    if (!request) {
      environment.stdout.write(dataHelp());
      return 0;
    }
    if (request.command === "prepare") return await runPrepare(request, environment);
    // Loaded only here: the other commands need no gRPC.
    if (request.command === "pull") return await (await import("./data-pull.ts")).pullData(request, environment);
    if (request.command === "serve") {
      const folders = (await Promise.all(request.directories.map(preparedFolders))).flat();
      return await (await import("./data-serve.ts")).serveData(request, folders, environment);
    }
    return await (request.command === "inspect" ? inspect : runVerify)(request, environment);
  } catch (error) {
    const trace = environment.env["SCORESTREAM_DEBUG"] === "1";
    const { text, exitCode } = describeFailure(error, { trace, whenFull: WHEN_FULL });
    environment.stderr.write(`${text}\n`);
    return exitCode;
  }
}

await runProgram(import.meta.url, dataMain);
