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

const placePath = (workdir: string) => join(workdir, "run-place");
const idPath = (workdir: string) => join(workdir, "run-id");

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

function storedId(workdir: string): string | undefined {
  if (!existsSync(idPath(workdir)) || !existsSync(join(workdir, "metrics.jsonl"))) return undefined;
  const text = readFileSync(idPath(workdir), "utf8").trim();
  return RUN_ID.test(text) ? text : undefined;
}

/** The folder that `workdir` is a copy of; undefined where it is none, or the other is gone, as after a move. */
function originalOf(workdir: string, id: string): string | undefined {
  const stored = storedPlace(workdir);
  const here = placeOf(workdir);
  if (!stored || stored.inode === here.inode || stored.path === here.path) return undefined;
  return storedId(stored.path) === id ? stored.path : undefined;
}

/**
 * The run's name, kept in `run-id` of the workdir: the pipeline and eight random hexadecimal digits.
 *
 * A workdir without metrics gets a new one: places in its record begin anew, and a monitor would drop them as known. So
 * does the copy of one, whose record goes another way than the original's from here on.
 */
function ownId(workdir: string, pipeline: string, tell: (text: string) => void): string {
  const stored = storedId(workdir);
  const original = stored === undefined ? undefined : originalOf(workdir, stored);
  const runId = stored === undefined || original ? `${pipeline}-${randomBytes(4).toString("hex")}` : stored;
  if (runId !== stored) writeFileSync(idPath(workdir), `${runId}\n`);
  writeFileSync(placePath(workdir), `${JSON.stringify(placeOf(workdir))}\n`);
  if (original) tell(`metrics: ${workdir} is a copy of ${original}, run ${stored}; it goes on as run ${runId}`);
  return runId;
}

/**
 * Determines the run and the node that the metrics of a workdir belong to.
 *
 * @param shared The name that all nodes of a run are given; the nodes, of which a machine may have several, and a
 * workdir that begins anew, then differ by the digits of their own.
 * @param tell Receives a message when the workdir is a copy, which names the original run.
 * @throws what the file system says.
 */
export function identityOf(
  workdir: string,
  pipeline: string,
  shared?: string,
  tell: (text: string) => void = () => {},
): Identity {
  const own = ownId(workdir, pipeline, tell);
  if (shared === undefined) return { runId: own, node: hostname() };
  return { runId: shared, node: `${hostname()}-${own.slice(-8)}` };
}
