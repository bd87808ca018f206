/** Files of a workdir that the page shows. */
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { logPath } from "../log-file.ts";

/** What a grid shows: samples of the averaged parameters or of those as they are, or the training images nearest to them. */
export type GridKind = "samples" | "raw" | "nearest";

export interface SampleGrid {
  /** File name, as the list gives it and nothing else. */
  readonly name: string;
  /** Optimizer steps behind it, by its name; undefined where the name has none. */
  readonly step: number | undefined;
  readonly kind: GridKind;
  readonly bytes: number;
  /** ISO 8601, UTC. */
  readonly modified: string;
}

/** Files of a run that can be requested. */
export interface FilesState {
  readonly samples: readonly SampleGrid[];
  readonly config: boolean;
  readonly report: boolean;
  /** Bytes of the log. */
  readonly log: number;
}

/** Bytes of the log's end that are read for its last lines. */
const TAIL = 1 << 18;

const gone = (error: unknown) => ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Undefined where there is nothing of that name. @throws what else the file system says. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (gone(error)) return undefined;
    throw error;
  }
}

/** A regular file's size and time; undefined for anything else, links too, which may lead out of the folder. */
function fileAt(path: string) {
  const stat = ifThere(() => lstatSync(path));
  return stat?.isFile() ? stat : undefined;
}

const stepOf = (name: string) => {
  const [, digits] = /(\d+)\.png$/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
};

const kindOf = (name: string): GridKind => (/^(raw|nearest)_\d+\.png$/.exec(name)?.[1] as GridKind) ?? "samples";

/** Those without a step stand first. */
const orderOf = ({ step }: SampleGrid) => step ?? -1;

/** The grids in `samples`, by step. */
export function sampleGrids(workdir: string): SampleGrid[] {
  const names = ifThere(() => readdirSync(join(workdir, "samples"))) ?? [];
  const grids = names
    .filter((name) => name.endsWith(".png"))
    .flatMap((name): SampleGrid[] => {
      const file = fileAt(join(workdir, "samples", name));
      return file
        ? [{ name, step: stepOf(name), kind: kindOf(name), bytes: file.size, modified: file.mtime.toISOString() }]
        : [];
    });
  return grids.sort((a, b) => orderOf(a) - orderOf(b) || a.name.localeCompare(b.name));
}

/** A grid that {@link sampleGrids} lists. */
export function readSample(workdir: string, name: string): Uint8Array | undefined {
  if (!sampleGrids(workdir).some((grid) => grid.name === name)) return undefined;
  return ifThere(() => readFileSync(join(workdir, "samples", name)));
}

/** How near the samples of a step are to the training, as JSON. */
export const readNearest = (workdir: string, step: number): Uint8Array | undefined =>
  readIn(workdir, join("samples", `nearest_${step}.json`));

const REPORT = join("eval", "report.html");
const readIn = (workdir: string, name: string) =>
  fileAt(join(workdir, name)) && ifThere(() => readFileSync(join(workdir, name)));

export const readConfig = (workdir: string): Uint8Array | undefined => readIn(workdir, "config.json");
export const readReportFile = (workdir: string): Uint8Array | undefined => readIn(workdir, REPORT);

/** The last `count` lines of the log, oldest first; of lines longer than 256 KiB together, the last. */
export function readLogTail(workdir: string, count: number): string[] | undefined {
  if (!fileAt(logPath(workdir))) return undefined;
  const file = ifThere(() => openSync(logPath(workdir), "r"));
  if (file === undefined) return undefined;
  try {
    const from = Math.max(0, fstatSync(file).size - TAIL);
    const bytes = Buffer.alloc(TAIL);
    const lines = bytes.toString("utf8", 0, readSync(file, bytes, 0, TAIL, from)).split("\n");
    // The text may begin within a line, and end with one that is being written.
    return lines.slice(from > 0 ? 1 : 0, -1).slice(-count);
  } finally {
    closeSync(file);
  }
}

export function runState(workdir: string): FilesState {
  return {
    samples: sampleGrids(workdir),
    config: fileAt(join(workdir, "config.json")) !== undefined,
    report: fileAt(join(workdir, REPORT)) !== undefined,
    log: fileAt(logPath(workdir))?.size ?? 0,
  };
}
