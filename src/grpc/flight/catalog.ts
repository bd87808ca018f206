/** The data sets that a server gives, by their paths. */
import { basename, dirname, resolve } from "node:path";
import { status } from "@grpc/grpc-js";
import type { Manifest } from "../../data/prepare/manifest.ts";
import { openShards, type ShardedImages } from "../../data/prepare/open-shards.ts";
import { UsageError } from "../../base/errors.ts";
import { statusError } from "../receive.ts";
import { imageStream, type ImageStream } from "./image-stream.ts";

/** One split. */
export interface FlightSet {
  /** The data set and the split, as `["cifar10", "train"]`. */
  readonly path: readonly [name: string, split: string];
  readonly images: ShardedImages;
  readonly stream: ImageStream;
}

export interface Catalog {
  readonly sets: readonly FlightSet[];
  /** @throws an error with the status NOT_FOUND. */
  find(path: readonly string[]): FlightSet;
  /** Closes the files. */
  close(): void;
}

const textOf = (path: readonly string[]) => path.join("/");

/**
 * Opens prepared folders. A split has the name that its shards were made with; its data set that of the folder around it.
 *
 * @throws UsageError when a folder is not prepared, not whole, or two have one path.
 */
export async function openCatalog(folders: readonly string[]): Promise<Catalog> {
  const sets = new Map<string, FlightSet>();
  for (const folder of folders) {
    const images = await openShards(folder);
    const { manifest, shape, labelled } = images;
    const path = [basename(dirname(resolve(folder))), manifest.work.split] as const;
    if (sets.has(textOf(path))) {
      throw new UsageError(`${folder}: ${textOf(path)} appears twice`, "serve folders with different names");
    }
    sets.set(textOf(path), { path, images, stream: imageStream(shape, labelled) });
  }
  return {
    sets: [...sets.values()],
    find(path) {
      const found = sets.get(textOf(path));
      if (found) return found;
      throw statusError(
        status.NOT_FOUND,
        `no data ${JSON.stringify(textOf(path))}; there are ${[...sets.keys()].join(", ")}`,
      );
    },
    close: () => [...sets.values()].forEach(({ images }) => images.close()),
  };
}

/** "/home/me/photos/a.tar: entry 3" without the folders. */
const withoutFolders = (where: string) => where.replace(/^.*?([^/\\]*)(?=$|: )/, "$1");

/**
 * The manifest as others get it: which files the shards were made from, but not where they lie on this machine. The
 * empty path of an origin says that it is not known.
 */
export function sharedManifest(manifest: Manifest): Manifest {
  const { work, skipped } = manifest;
  const files = work.files.map((file) => ({ ...file, path: basename(file.path) }));
  const origin = {
    ...(work.from !== undefined && { from: "" }),
    ...(work.formatFile !== undefined && { formatFile: "" }),
  };
  const first = skipped.first.map((bad) => ({ ...bad, where: withoutFolders(bad.where) }));
  return { ...manifest, work: { ...work, ...origin, files }, skipped: { ...skipped, first } };
}
