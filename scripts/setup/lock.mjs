/** One set-up at a time on one cache folder; whoever comes second waits and then finds the work done. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkInterrupted, watchTools } from "./child.mjs";
import { say } from "./progress.mjs";

/** The holder touches the lock this often; ms. */
const BEAT = 5_000;
/** Without a touch for so long the holder is gone; ms. */
const SILENT = 60_000;
/** A tool that outlived its holder is waited for this long; ms. */
const ORPHAN = 600_000;

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

/** Reads the lock, undefined when there is none. */
function read(path) {
  try {
    const text = readFileSync(path, "utf8");
    const silent = Date.now() - statSync(path).mtimeMs;
    try {
      return { text, silent, ...JSON.parse(text) };
    } catch {
      return { text, silent };
    }
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** True when the holder of a lock is gone, and the tool it had started as well. */
export function isStale({ host, pid, child, silent }) {
  if (host !== hostname()) return silent > SILENT;
  if (pid && alive(pid)) return silent > SILENT;
  return !(child && alive(child) && silent < ORPHAN);
}

/** Takes a stale lock away, unless somebody else has replaced it meanwhile. */
function remove(path, seen) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  try {
    if (readFileSync(aside, "utf8") !== seen) linkSync(aside, path);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function tryCreate(path, text) {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** Readers see the old text or the new one. */
function replace(path, text) {
  const next = `${path}.${process.pid}`;
  writeFileSync(next, text);
  renameSync(next, path);
}

/**
 * Runs `work` while holding the lock file `path`.
 *
 * The lock names the tool that is running, so that the next set-up waits for a tool that outlived a killed one.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  const me = { host: hostname(), pid: process.pid, since: Date.now() };
  for (let said = false; !tryCreate(path, JSON.stringify(me)); await sleep(200)) {
    checkInterrupted();
    const holder = read(path);
    if (!holder) continue;
    if (isStale(holder)) {
      say("an earlier set-up was cut off; going on from there");
      remove(path, holder.text);
    } else if (!said) {
      said = true;
      say(`waiting for another set-up (process ${holder.pid} on ${holder.host}) or what it has left running`);
    }
  }
  const touch = () => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // Taken away by hand; the work goes on.
    }
  };
  const beat = setInterval(touch, BEAT);
  watchTools((child) => replace(path, JSON.stringify({ ...me, child })));
  try {
    return await work();
  } finally {
    watchTools(() => {});
    clearInterval(beat);
    rmSync(path, { force: true });
  }
}
