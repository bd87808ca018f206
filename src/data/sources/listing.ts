/** Lists a folder. Names are bytes: those that are no UTF-8 are kept as a Buffer. */
import { constants, stat as statCalling, type Stats } from "node:fs";
import { open, readdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { BadDataError } from "./bad-data.ts";

export type FilePath = string | Buffer;

/** Takes a third of the time of that of `node:fs/promises`, which counts where there are hundreds of thousands of files. */
const stat = promisify(statCalling);

export interface Listed {
  /** Its own name, as it is shown. */
  readonly name: string;
  readonly path: FilePath;
  /** Kind of the entry itself; the target of a link is not known yet. */
  readonly kind: "file" | "folder" | "link" | "other";
}

const isText = (bytes: Buffer) => Buffer.from(bytes.toString()).equals(bytes);

/** Bytes that are no UTF-8 as "\xfc". */
const shownName = (name: FilePath) =>
  typeof name === "string" || isText(name)
    ? name.toString()
    : name.toString("latin1").replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);

/** A path for messages. */
export const shownPath = (path: FilePath): string =>
  typeof path === "string" ? path : path.toString("latin1").split("/").map((part) => shownName(Buffer.from(part, "latin1"))).join("/"); // prettier-ignore

const joined = (folder: FilePath, name: FilePath): FilePath =>
  typeof folder === "string" && typeof name === "string"
    ? join(folder, name)
    : Buffer.concat([Buffer.from(folder), Buffer.from("/"), Buffer.from(name)]);

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

const kindOf = (entry: Kinds): Listed["kind"] =>
  entry.isFile() ? "file" : entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "other";

/** Everything directly in a folder, in no order. */
export async function listFolder(folder: FilePath): Promise<Listed[]> {
  const found = await readdir(folder, { withFileTypes: true });
  // The mark in the place of bytes that are no UTF-8: then the names are asked for as bytes.
  if (!found.some(({ name }) => name.includes("\ufffd"))) {
    return found.map((entry) => ({ name: entry.name, path: joined(folder, entry.name), kind: kindOf(entry) }));
  }
  const bytes = await readdir(folder, { withFileTypes: true, encoding: "buffer" });
  return bytes.map((entry) => {
    const name = isText(entry.name) ? entry.name.toString() : entry.name;
    return { name: shownName(name), path: joined(folder, name), kind: kindOf(entry) };
  });
}

/** System errors that concern one file alone; any other, such as too many open files, concerns no file. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist, or is a broken link",
  ENOTDIR: "it does not exist, or is a broken link",
  ELOOP: "a link to itself",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  EISDIR: "it is a folder",
  ENXIO: "it is not a regular file",
  ENODEV: "it is not a regular file",
  ENAMETOOLONG: "its name is too long",
  EIO: "the disk cannot read it",
};

/** An error of the system at one file as damage of the data. @throws What is of no file, as it is. */
export function fileFault(path: FilePath, error: unknown, whole = false): BadDataError {
  if (error instanceof BadDataError) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  const reason = REASONS[code];
  if (reason === undefined) throw error;
  return new BadDataError(shownPath(path), `${reason} (${code})`, { whole, cause: error });
}

const notRegular = (path: FilePath, found: Kinds, whole: boolean) =>
  new BadDataError(shownPath(path), found.isDirectory() ? "it is a folder" : "it is not a regular file", { whole });

/**
 * Size and time of what a path leads to.
 *
 * @param whole Of a file of many images.
 * @returns What is wrong when that cannot be had.
 */
export async function lookAt(path: FilePath, whole = false): Promise<Stats | BadDataError> {
  try {
    return await stat(path);
  } catch (error) {
    return fileFault(path, error, whole);
  }
}

/** Like {@link lookAt}; anything but a regular file is a fault. */
export async function lookAtFile(path: FilePath, whole = false): Promise<Stats | BadDataError> {
  const found = await lookAt(path, whole);
  return found instanceof BadDataError || found.isFile() ? found : notRegular(path, found, whole);
}

/**
 * Opens a regular file. It does not wait for the writer that a FIFO may never have.
 *
 * @throws BadDataError when it is none, or cannot be read.
 */
export async function openFile(path: FilePath): Promise<{ file: FileHandle; size: number }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile()) throw notRegular(path, found, false);
    return { file, size: found.size };
  } catch (error) {
    await file?.close();
    throw fileFault(path, error);
  }
}
