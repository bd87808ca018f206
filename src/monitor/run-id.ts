/** A name that no other run has, so that a monitor can keep many. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FORM = /^[\w.-]{1,200}$/;

/**
 * The run's name, kept in `run-id` of the workdir: the pipeline and eight random hexadecimal digits.
 *
 * A workdir without metrics gets a new one: places in its record begin anew, and a monitor would drop them as known.
 *
 * @throws what the file system says.
 */
export function runIdOf(workdir: string, pipeline: string): string {
  const path = join(workdir, "run-id");
  if (existsSync(path) && existsSync(join(workdir, "metrics.jsonl"))) {
    const text = readFileSync(path, "utf8").trim();
    if (FORM.test(text)) return text;
  }
  const runId = `${pipeline}-${randomBytes(4).toString("hex")}`;
  writeFileSync(path, `${runId}\n`);
  return runId;
}
