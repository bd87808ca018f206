import { createReadStream, existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { listed } from "../../base/lists.ts";
import { basename, join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadFileError } from "../fetch/bad-file.ts";
import { tarFiles } from "../fetch/tar-files.ts";
import type { SourceFile } from "./assemble.ts";
import type { Cifar10Manifest } from "./manifest.ts";

const folder = "cifar-10-batches-bin";
const archive = "cifar-10-binary.tar.gz";

export const localRemedy =
  `put the official ${archive} (https://www.cs.toronto.edu/~kriz/cifar.html, "binary version"), or the six .bin files ` +
  "in it, into the directory that data.path (for prepare: --from) names; without it, the data are downloaded";

/**
 * Paths of what is read under the user's `data.path`: six .bin files, perhaps in a folder of theirs, or the archive.
 *
 * @throws BadFileError when there is none of these.
 */
export async function filesRead(path: string, names: readonly string[]): Promise<string[]> {
  if (!existsSync(path)) throw new BadFileError(`${path}: there is no such directory`);
  if ((await stat(path)).isFile()) return [path];
  const holdsBatch = (directory: string) => names.some((name) => existsSync(join(directory, name)));
  const directory = [path, join(path, folder)].find(holdsBatch);
  if (directory) return names.map((name) => join(directory, name));
  if (existsSync(join(path, archive))) return [join(path, archive)];
  const found = listed(await readdir(path));
  throw new BadFileError(`${path}: expected ${names.join(", ")}, ${folder} or ${archive}; found: ${found}`);
}

/** The files under the user's `data.path`. */
export async function* localFiles(path: string, manifest: Cifar10Manifest): AsyncGenerator<SourceFile> {
  const names = manifest.files.map((file) => file.name);
  const read = await filesRead(path, names);
  if (read.length === 1) yield* archived(read[0]!, names);
  else yield* unpacked(read);
}

async function* unpacked(files: readonly string[]): AsyncGenerator<SourceFile> {
  for (const where of files) {
    if (!existsSync(where)) throw new BadFileError(`${where} is missing`);
    const bytes = await readFile(where).catch((error: Error) => {
      throw new BadFileError(`${where} cannot be read: ${error.message}`, { cause: error });
    });
    yield { name: basename(where), where, bytes };
  }
}

async function* archived(path: string, names: readonly string[]): AsyncGenerator<SourceFile> {
  const missing = new Set(names);
  for await (const { name, bytes } of tarFiles(createReadStream(path), path, (name) => missing.has(name))) {
    missing.delete(name);
    yield { name, where: `${path}: ${name}`, bytes };
  }
  if (missing.size > 0) throw new BadFileError(`${path}: these files are missing in it: ${[...missing].join(", ")}`);
}

/** Turns a fault in the user's own files into one that ends the program with exit code 2. */
export function asUsageError(error: unknown): unknown {
  return error instanceof BadFileError ? new UsageError(error.message, localRemedy, { cause: error }) : error;
}
