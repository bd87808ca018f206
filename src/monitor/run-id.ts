/** Names by which a monitor keeps many runs and nodes apart. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** Pattern of a run's name. */
export const RUN_ID = /^[\w.-]{1,200}$/;

export interface Identity {
  readonly runId: string;
  /** Name of the machine. */
  readonly node: string;
}

/** The place of a workdir: a copy has another number (inode) at another path. */
interface Place {
  readonly path: string;
  readonly inode: string;
}

/** The names in a workdir. */
interface Stored {
  /** Name of the run. */
  readonly runId: string;
  /** The name that it would have alone; its digits tell the nodes of a run apart. */
  readonly own: string;
}

const placePath = (workdir: string) => join(workdir, "run-place");
const idPath = (workdir: string) => join(workdir, "run-id");
const ownPath = (workdir: string) => join(workdir, "run-node");

const placeOf = (workdir: string): Place => ({
  path: realpathSync(workdir),
  inode: String(statSync(workdir, { bigint: true }).ino),
});

function storedPlace(workdir: string): Place | undefined {
  try {
    return JSON.parse(readFileSync(placePath(workdir), "utf8")) as Place;
  } catch {
    return undefined; // an older version kept none
  }
}

/** A name in a file; undefined for anything else. */
function nameIn(path: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return RUN_ID.test(text) ? text : undefined;
  } catch {
    return undefined; // not there, or somebody else's
  }
}

function stored(workdir: string): Stored | undefined {
  const runId = nameIn(idPath(workdir));
  return runId === undefined ? undefined : { runId, own: nameIn(ownPath(workdir)) ?? runId };
}

const hasRecord = (workdir: string) => existsSync(join(workdir, "metrics.jsonl"));

const identity = ({ runId, own }: Stored): Identity => ({
  runId,
  node: runId === own ? hostname() : `${hostname()}-${own.slice(-8)}`,
});

/** The run and the node that a workdir has kept for its metrics; undefined where no monitor was told of it yet. */
export function keptIdentity(workdir: string): Identity | undefined {
  const kept = stored(workdir);
  return kept && identity(kept);
}

/** The folder that `workdir` is a copy of; undefined where it is none, or the other is gone, as after a move. */
function originalOf(workdir: string, own: string): string | undefined {
  const place = storedPlace(workdir);
  const here = placeOf(workdir);
  if (!place || place.inode === here.inode || place.path === here.path) return undefined;
  return hasRecord(place.path) && stored(place.path)?.own === own ? place.path : undefined;
}

/**
 * Determines the run and the node that the metrics of a workdir belong to, and keeps them in the workdir: `run-id` has
 * the run's name, by default the pipeline and eight random hexadecimal digits.
 *
 * A workdir without metrics gets a new one: places in its record begin anew, and a monitor would drop them as known. So
 * does the copy of one, whose record goes another way than the original's from here on.
 *
 * @param given The name of the run, which all its nodes are given; default: the one that was kept. The nodes, of which a
 * machine may have several, then differ by the digits of their own.
 * @param tell Receives a message when the workdir is a copy, which names the original run, and when the run gets
 * another name.
 * @throws what the file system says.
 */
export function identityOf(
  workdir: string,
  pipeline: string,
  given?: string,
  tell: (text: string) => void = () => {},
): Identity {
  const before = hasRecord(workdir) ? stored(workdir) : undefined;
  const original = before && originalOf(workdir, before.own);
  const kept = original === undefined ? before : undefined;
  const own = kept?.own ?? `${pipeline}-${randomBytes(4).toString("hex")}`;
  const runId = given ?? kept?.runId ?? own;
  writeFileSync(idPath(workdir), `${runId}\n`);
  writeFileSync(ownPath(workdir), `${own}\n`);
  writeFileSync(placePath(workdir), `${JSON.stringify(placeOf(workdir))}\n`);
  if (original !== undefined) {
    tell(`metrics: ${workdir} is a copy of ${original}, run ${before!.runId}; it goes on as run ${runId}`);
  } else if (kept && kept.runId !== runId) {
    tell(
      `metrics: run ${kept.runId} goes on as run ${runId}, as --run-id says; what a monitor has of ${kept.runId} stays there`,
    );
  }
  return identity({ runId, own });
}
