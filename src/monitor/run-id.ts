/** Names by which a monitor keeps many runs and nodes apart. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** What a name of a run may be. */
export const RUN_ID = /^[\w.-]{1,200}$/;

export interface Identity {
  readonly runId: string;
  /** Name of the machine. */
  readonly node: string;
}

/**
 * The run's name, kept in `run-id` of the workdir: the pipeline and eight random hexadecimal digits.
 *
 * A workdir without metrics gets a new one: places in its record begin anew, and a monitor would drop them as known.
 */
function ownId(workdir: string, pipeline: string): string {
  const path = join(workdir, "run-id");
  if (existsSync(path) && existsSync(join(workdir, "metrics.jsonl"))) {
    const text = readFileSync(path, "utf8").trim();
    if (RUN_ID.test(text)) return text;
  }
  const runId = `${pipeline}-${randomBytes(4).toString("hex")}`;
  writeFileSync(path, `${runId}\n`);
  return runId;
}

/**
 * Whose the metrics of a workdir are.
 *
 * @param shared The name that all nodes of a run are given; the nodes, of which a machine may have several, and a
 * workdir that begins anew, then differ by the digits of their own.
 * @throws what the file system says.
 */
export function identityOf(workdir: string, pipeline: string, shared?: string): Identity {
  const own = ownId(workdir, pipeline);
  if (shared === undefined) return { runId: own, node: hostname() };
  return { runId: shared, node: `${hostname()}-${own.slice(-8)}` };
}
