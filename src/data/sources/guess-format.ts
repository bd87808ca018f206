import { existsSync, readdirSync, statSync } from "node:fs";
import { basename } from "node:path";

/** Names of files that tell a format, the more particular first. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/^(train_data_batch_\d+|val_data)\.npz$/, "imagenet32 --version new"],
  [/^(train|valid)_32x32(\.tar)?$|^downsampled_imagenet-/, "imagenet32 --version old"],
  [/^(train|valid)_64x64(\.tar)?$/, "imagenet64 --version old"],
  [/idx[13]-ubyte(\.gz)?$/, "mnist"],
  [/^(train|test|extra)_32x32\.mat$/, "svhn"],
  [/^(img_align_celeba|list_eval_partition\.txt)$/, "celeba --size 64"],
  [/^(data_batch_\d|test_batch)\.bin$|^cifar-10-b/, "cifar10"],
  [/\.parquet$/, "parquet"],
  [/\.tfrecords?(-\d+-of-\d+)?$|-\d+-of-\d+\.tfrecord$/, "tfrecords"],
  [/\.tar(\.gz)?$|\.tgz$/, "webdataset"],
  [/\.np[yz]$/, "arrays"],
  [/\.arrows?$|\.feather$/, "arrow"],
];

/**
 * The format that the names of files suggest, with the options it needs, as on the command line of `prepare`; any other
 * is taken for a folder of images. Undefined: nothing is there.
 */
export function guessFormat(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const names = statSync(path).isDirectory() ? readdirSync(path) : [basename(path)];
  return SIGNS.find(([sign]) => names.some((name) => sign.test(name)))?.[1] ?? "folder --size 32";
}
