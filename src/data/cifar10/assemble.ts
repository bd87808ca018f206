import { createHash } from "node:crypto";
import { type LoadedImages, loadedImages } from "../dataset.ts";
import { BadFileError } from "../fetch/bad-file.ts";
import { classNames, pixels, recordBytes, shape, type BatchFile, type Cifar10Manifest } from "./manifest.ts";
import { unpackRecords } from "./records.ts";

export interface Cifar10 {
  readonly train: LoadedImages;
  readonly test: LoadedImages;
}

/** A file of the binary version: its name in the manifest, where it came from (for messages) and its bytes. */
export interface SourceFile {
  readonly name: string;
  readonly where: string;
  readonly bytes: Uint8Array;
}

/** @throws BadFileError when length, labels or hash are not those of the official file. */
function checkFile({ where, bytes }: SourceFile, file: BatchFile, { imagesPerFile }: Cifar10Manifest): void {
  const expected = imagesPerFile * recordBytes;
  if (bytes.length !== expected) {
    const fault = bytes.length < expected ? "is truncated" : "is too long";
    throw new BadFileError(`${where} ${fault}: ${bytes.length} bytes, expected ${expected}`);
  }
  for (let n = 0; n < imagesPerFile; n++) {
    const label = bytes[n * recordBytes]!;
    if (label < classNames.length) continue;
    throw new BadFileError(`${where}: the label of image ${n} is ${label}, expected 0 to ${classNames.length - 1}`);
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== file.sha256) {
    throw new BadFileError(`${where}: its hash is wrong: sha256 ${sha256}, expected ${file.sha256}`);
  }
}

/**
 * Checks the files of the binary version and puts their images in the order of the manifest.
 *
 * @throws BadFileError when a file is missing or is not the official one.
 */
export async function assemble(files: AsyncIterable<SourceFile>, manifest: Cifar10Manifest): Promise<Cifar10> {
  const n = manifest.imagesPerFile;
  const allocate = (split: "train" | "test"): LoadedImages => {
    const length = n * manifest.files.filter((file) => file.split === split).length;
    return loadedImages({ name: "cifar10", split, shape, images: new Uint8Array(length * pixels) });
  };
  const data: Cifar10 = { train: allocate("train"), test: allocate("test") };
  const missing = new Map(manifest.files.map((file) => [file.name, file]));
  for await (const source of files) {
    const file = missing.get(source.name);
    if (!file) continue;
    checkFile(source, file, manifest);
    const { images, labels } = data[file.split];
    const first = n * manifest.files.filter(({ split }) => split === file.split).indexOf(file);
    unpackRecords(
      source.bytes,
      images.subarray(first * pixels, (first + n) * pixels),
      labels.subarray(first, first + n),
    );
    missing.delete(source.name);
  }
  if (missing.size > 0) throw new BadFileError(`missing: ${[...missing.keys()].join(", ")}`);
  return data;
}
