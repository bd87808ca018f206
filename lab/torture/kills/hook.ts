/**
 * Kills the process that loads it at one of the places where a run writes, or counts them: `node --import THIS ...`, with
 * `SCORESTREAM_KILL` in its environment.
 */
import fs, { type PathLike } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";
import { placeOf, type Moment, type Order, type Place } from "./places.ts";

const order = JSON.parse(process.env["SCORESTREAM_KILL"] ?? "{}") as Order;
const seen: Partial<Record<Place, number>> = {};
/** True in a write: Node writes some by others of these functions. */
let inside = false;

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal comes at once, but maybe not before the next line.
  for (;;);
}

const { openSync: create, writeSync: put, closeSync: end } = fs;

/** Writes a file until its disk is full. */
function fill(path: string): void {
  const file = create(path, "w");
  for (let size = 1 << 20; size >= 1;) {
    try {
      put(file, Buffer.alloc(size));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      size >>= 1;
    }
  }
  end(file);
}

/** Counts a write, and says at which moment of it this process has to die. */
function passed(path: unknown, renamed = false): Moment | undefined {
  const places = typeof path === "string" && !inside ? placeOf(path, renamed) : [];
  for (const place of places) {
    seen[place] = (seen[place] ?? 0) + 1;
    if (order.place !== place || order.number !== seen[place]) continue;
    if (order.filler !== undefined) fill(order.filler);
    return order.moment;
  }
  return undefined;
}

/** The first half of what is written. */
const halfOf = (data: unknown): Uint8Array => {
  const bytes = typeof data === "string" ? Buffer.from(data) : Buffer.from(data as Uint8Array);
  return bytes.subarray(0, bytes.length >> 1);
};

/** Writes the whole or a half, and dies where that was ordered. */
function writing<T>(moment: Moment | undefined, whole: () => T, half: () => unknown): T {
  if (moment === "before") die();
  if (moment === "half") {
    half();
    die();
  }
  const before = inside;
  inside = true;
  try {
    return whole();
  } finally {
    inside = before;
    if (moment === "after") die();
  }
}

type Data = Parameters<typeof fs.writeFileSync>[1];
type Options = Parameters<typeof fs.writeFileSync>[2];

function watchSync(): void {
  const { appendFileSync, writeFileSync, renameSync, openSync, closeSync, writeSync } = fs;
  const open = new Map<number, string>();
  const spread = (write: typeof writeFileSync) => (path: fs.PathOrFileDescriptor, data: Data, options?: Options) => {
    const half = () => write(path, halfOf(data), options);
    return writing(passed(path), () => write(path, data, options), half);
  };
  const replaced = {
    appendFileSync: spread(appendFileSync as typeof writeFileSync),
    writeFileSync: spread(writeFileSync),
    renameSync: (from: PathLike, to: PathLike) => writing(passed(to, true), () => renameSync(from, to), () => {}), // prettier-ignore
    openSync(path: PathLike, ...rest: unknown[]) {
      const file = (openSync as (...all: unknown[]) => number)(path, ...rest);
      if (rest[0] !== undefined && rest[0] !== "r") open.set(file, String(path));
      return file;
    },
    closeSync(file: number) {
      open.delete(file);
      closeSync(file);
    },
    writeSync(file: number, data: Uint8Array, ...rest: unknown[]) {
      const write = (bytes: Uint8Array) => (writeSync as (...all: unknown[]) => number)(file, bytes, ...rest);
      return writing(passed(open.get(file)), () => write(data), () => write(halfOf(data))); // prettier-ignore
    },
  };
  Object.assign(fs, replaced);
}

function watchPromises(): void {
  const { open, rename } = fs.promises;
  const replaced = {
    async open(path: PathLike, ...rest: unknown[]) {
      const file = await (open as (...all: unknown[]) => Promise<fs.promises.FileHandle>)(path, ...rest);
      if (rest[0] === "r" || rest.length === 0) return file;
      const write = file.writeFile.bind(file);
      file.writeFile = async (data: Parameters<typeof write>[0]) => {
        const moment = passed(path);
        if (moment === "before") die();
        await write(moment === "half" ? halfOf(data) : data);
        if (moment) die();
      };
      return file;
    },
    async rename(from: PathLike, to: PathLike) {
      const moment = passed(to, true);
      if (moment === "before") die();
      await rename(from, to);
      if (moment) die();
    },
  };
  Object.assign(fs.promises, replaced);
}

if (isMainThread) {
  const { writeFileSync } = fs;
  watchSync();
  watchPromises();
  syncBuiltinESMExports();
  const { counts } = order;
  if (counts !== undefined) process.on("exit", () => writeFileSync(counts, JSON.stringify(seen)));
}
