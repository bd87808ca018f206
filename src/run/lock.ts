/** A lock file, so that two runs do not write to one workdir. */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RunError, UsageError } from "../base/errors.ts";
import { duration } from "../base/format.ts";
import { namingFile } from "../base/naming-file.ts";
import { temporaryPath } from "../base/temporary.ts";
import { startBeat } from "./lock-beat.ts";
import { BEAT, isGone, isNear, SILENCE, silenceOf, thisProcess, type Owner } from "./lock-owner.ts";

const lockPath = (workdir: string) => join(workdir, ".lock");

/** ms in which a lock is written, or taken over. */
const WRITING = 5000;
/** Turns in which others may come first; ms between them. */
const [TURNS, TURN] = [500, 20];

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

function ownerIn(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

/** An unreadable lock may be one that is being written; one of the future is none. */
const isYoung = (path: string) => Math.abs(Date.now() - statSync(path).mtimeMs) < WRITING;

function createOnce(path: string, text: string): boolean {
  try {
    namingFile(path, () => writeFileSync(path, text, { flag: "wx" }));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

const pause = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TURN);

/** Puts `mine` in the place of a stale lock. @returns False when somebody else has changed it, or is changing it. */
function takeOver(path: string, seen: string, mine: string): boolean {
  const guard = `${path}.taking`;
  if (!createOnce(guard, mine)) {
    const since = statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    // Whoever was killed between two lines.
    if (Math.abs(Date.now() - since) > WRITING) rmSync(guard, { force: true });
    return false;
  }
  const next = temporaryPath(path);
  try {
    if (readText(path) !== seen) return false;
    writeFileSync(next, mine);
    renameSync(next, path);
    return true;
  } finally {
    rmSync(next, { force: true });
    rmSync(guard, { force: true });
  }
}

/** Names for messages: the folder, and the option that chooses another. */
export interface Locked {
  readonly folder: string;
  readonly option: string;
}

/** Describes the takeover of a stale lock. @throws UsageError when its owner is there. */
function requireStale(path: string, text: string, workdir: string, { folder, option }: Locked): string {
  const owner = ownerIn(text);
  if (!owner) {
    if (!isYoung(path)) return `the run before this one in ${workdir} did not end cleanly; its lock is taken over`;
    throw new UsageError(
      `${folder} ${workdir} is in use by a run that is just starting`,
      `wait for it, stop it, or use another ${option}`,
    );
  }
  const silence = isNear(owner) ? 0 : silenceOf(path);
  const name = `process ${owner.pid}${isNear(owner) ? "" : ` on ${owner.host}`}`;
  if (!isGone(owner, silence)) {
    const wait = isNear(owner) ? "wait for it" : `wait: ${duration(SILENCE / 1000)} after its last sign of life its lock is taken over`; // prettier-ignore
    const copied = isNear(owner) && option === "--workdir" ? `; if the folder is a copy of one in use, remove ${path}` : ""; // prettier-ignore
    throw new UsageError(
      `${folder} ${workdir} is in use by ${name}`,
      `${wait}, stop it, or use another ${option}${copied}`,
    );
  }
  const why = isNear(owner) ? "did not end cleanly" : `has given no sign of life for ${duration(silence / 1000)}`;
  return `the run before this one in ${workdir}, ${name}, ${why}; its lock is taken over`;
}

/** Writes the lock. @throws UsageError when another holds it. */
function acquire(path: string, mine: string, workdir: string, locked: Locked, onStale: (text: string) => void): void {
  for (let turn = 0; turn < TURNS; turn++) {
    if (createOnce(path, mine)) return;
    const seen = readText(path);
    if (seen === undefined) continue;
    const said = requireStale(path, seen, workdir, locked);
    if (takeOver(path, seen, mine)) return onStale(said);
    pause();
  }
  throw new RunError(
    `${path} could not be taken: other processes took it at the same time\n  remedy: run the command again`,
  );
}

/** Ends the process that has lost its lock, without saving: the folder is another's, or gone. */
export const failWithoutLock = (error: RunError): never => {
  throw error;
};

/**
 * Locks `workdir` for this process, and gives signs of life until it is given back.
 *
 * @param onLost Told when the lock is gone or another's, as after this machine slept.
 * @returns A function that gives the lock back; calling it again does nothing.
 * @throws UsageError when another process, here or elsewhere, holds it.
 * @throws what the file system says when the lock cannot be written.
 */
export function lockWorkdir(
  workdir: string,
  onStale: (text: string) => void = () => {},
  locked: Locked = { folder: "workdir", option: "--workdir" },
  onLost: (error: RunError) => void = () => {},
): () => void {
  const path = lockPath(workdir);
  const mine = JSON.stringify(thisProcess());
  acquire(path, mine, workdir, locked, onStale);
  const stopBeat = startBeat(path, mine, (instead) => onLost(lost(workdir, instead, locked)));
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    stopBeat();
    try {
      if (readFileSync(path, "utf8") === mine) rmSync(path, { force: true });
    } catch {
      // The lock or its folder is gone: nothing to give back.
    }
  };
}

function lost(workdir: string, instead: string, { folder, option }: Locked): RunError {
  const owner = ownerIn(instead);
  const what = owner
    ? `${folder} ${workdir} was taken over by process ${owner.pid} on ${owner.host}`
    : `${folder} ${workdir} or its lock was removed`;
  const remedy = owner ? `wait for that one, or use another ${option}` : "run the command again";
  return new RunError(`${what} while this process used it\n  remedy: ${remedy}`);
}

/**
 * Waits while a lock of another host may be that of a run that was killed, as when a scheduler starts it elsewhere.
 *
 * @returns Once the lock is gone, old enough to be taken over, or has given a sign of life; within {@link SILENCE}.
 */
export async function awaitSilence(workdir: string, tell: (text: string) => void): Promise<void> {
  const path = lockPath(workdir);
  const first = readText(path);
  const owner = first === undefined ? undefined : ownerIn(first);
  // Only locks that name their process's space give signs of life.
  if (!owner || owner.space === undefined || isNear(owner)) return;
  const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (silenceOf(path) > SILENCE) return;
  tell(`waiting for a sign of life of process ${owner.pid} on ${owner.host}, which holds ${workdir}`);
  for (let waited = 0; waited < SILENCE + BEAT; waited += 500) {
    if (readText(path) !== first || statSync(path).mtimeMs !== changed || silenceOf(path) > SILENCE) return;
    await sleep(500);
  }
}
