/** A lock file, so that two runs do not write to one workdir. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { namingFile } from "../base/naming-file.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, where the system tells: process ids are used again. */
  readonly started: string | undefined;
}

/** What /proc says of a process that has ended, but that its parent has not asked for yet. */
const ENDED = ["Z", "X"];

/** Start time of a process in clock ticks since boot; undefined without /proc or without such a process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ENDED.includes(fields[0]!) ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function isRunning({ pid, started }: Owner): boolean {
  if (started !== undefined) return startOf(pid) === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

/** An unreadable lock may be one that is being written. */
const isYoung = (path: string) => Date.now() - statSync(path).mtimeMs < 5000;

/** What the folder is called in messages, and which option names another. */
export interface Locked {
  readonly folder: string;
  readonly option: string;
}

/**
 * Locks `workdir` for this process.
 *
 * @returns A function that gives the lock back; calling it again does nothing.
 * @throws UsageError when another running process, or one of another host, holds it.
 * @throws what the file system says when the lock cannot be written.
 */
export function lockWorkdir(
  workdir: string,
  onStale: (text: string) => void = () => {},
  { folder, option }: Locked = { folder: "workdir", option: "--workdir" },
): () => void {
  const path = join(workdir, ".lock");
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), started: startOf(process.pid) } satisfies Owner);
  const take = () => namingFile(path, () => writeFileSync(path, mine, { flag: "wx" }));
  try {
    take();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const owner = readOwner(path);
    if (owner && owner.host !== hostname()) {
      throw new UsageError(
        `${folder} ${workdir} is in use by process ${owner.pid} on ${owner.host}`,
        `use another ${option}, or remove ${path} if that run has ended`,
      );
    }
    if (owner ? isRunning(owner) : isYoung(path)) {
      throw new UsageError(
        `${folder} ${workdir} is in use by ${owner ? `process ${owner.pid}` : "a run that is just starting"}`,
        `wait for it, stop it, or use another ${option}`,
      );
    }
    onStale(`the run before this one in ${workdir} did not end in order; its lock is taken over`);
    rmSync(path, { force: true });
    take();
  }
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    try {
      if (readFileSync(path, "utf8") === mine) rmSync(path, { force: true });
    } catch {
      // The lock or its folder is gone: nothing to give back.
    }
  };
}
