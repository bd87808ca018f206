import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

const prefix = (pid: number) => `fetch-${hostname()}-${pid}-`;
const hour = 3_600_000;

/**
 * Makes a directory for the temporary files of this process in `parent`, and removes those that interrupted runs left.
 *
 * Runs at work are spared: a directory goes when its process on this machine is dead, else when it is an hour old.
 */
export async function workDirectory(parent: string): Promise<string> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith("fetch-")) continue;
    const path = join(parent, name);
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs;
    if (age > hour || isDead(name)) await rm(path, { recursive: true, force: true });
  }
  return mkdtemp(join(parent, prefix(process.pid)));
}

function isDead(name: string): boolean {
  const pid = Number(/-(\d+)-[^-]+$/.exec(name)?.[1]);
  if (!pid || !name.startsWith(prefix(pid))) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // "Not permitted" means that the process lives and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
