/** ImageNet 32 x 32. There are two versions, so the user names one, and the prepared data are checked against it. */
import type { Manifest } from "../../data/prepare/manifest.ts";
import type { PreparedSplits } from "../../data/prepare/open-splits.ts";
import { checkCount, COUNTS, type Version } from "../../data/sources/imagenet.ts";
import { UsageError } from "../../base/errors.ts";
import type { Anchor } from "../../monitor/report/report.ts";
import type { OnProgress } from "../../data/dataset.ts";
import type { Config } from "../config.ts";
import type { RunContext } from "../pipeline.ts";
import { prepareCommand, preparedImages } from "./prepared.ts";
import { imagenet32Published, marked } from "./published.ts";

/** Returns published results for the version in use only, because results on the other one cannot be compared. */
export function imagenet32Anchors(config: Config): Anchor[] {
  const { version } = config.data;
  const rows = version === undefined ? [] : imagenet32Published[version];
  return marked(rows, config).map((row) => ({ ...row, name: `${row.name}, ${version} ImageNet 32` }));
}

function requireVersion(version: Version | undefined): Version {
  if (version !== undefined) return version;
  throw new UsageError(
    "data.version: specify which ImageNet 32x32 you mean; results on one cannot be compared with the other",
    "--set data.version=old: PNG archives of 2016, 49,999 validation images, ScoreFlow's own; " +
      "--set data.version=new: npz batches of 2017 on image-net.org, 50,000",
  );
}

/** @throws UsageError when the prepared data are something else. */
function requireImageNet32(path: string, { work, shape, count, skipped }: Manifest, version: Version): void {
  const { format, split } = work;
  if (format !== "imagenet32" || shape.join() !== "32,32,3") {
    const found = `${format} of [${shape.join(", ")}]`;
    throw new UsageError(
      `data.path ${path}: it holds ${found}, expected imagenet32 of [32, 32, 3]`,
      "npm run pipeline images takes any images",
    );
  }
  if (work.version !== version) {
    throw new UsageError(
      `data.path ${path}: it holds the ${work.version} version, but data.version is ${version}`,
      `--set data.version=${work.version}, or name the folder of the other version`,
    );
  }
  // The number of images of a file that could not be read is unknown.
  if (skipped.files === 0) checkCount(count + skipped.count, version, split, path, COUNTS);
}

/**
 * Opens the version of ImageNet 32 x 32 that `data.version` names.
 *
 * @throws UsageError when no version is named, or the data are not prepared, are of another version or have another
 *   number of images.
 */
export async function loadImageNet32(context: RunContext, onProgress: OnProgress): Promise<PreparedSplits> {
  const { data } = context.config;
  const version = requireVersion(data.version);
  const format = `imagenet32 --version ${version}`;
  if (data.path === undefined) {
    const where =
      version === "new" ? "from https://image-net.org/download (log in), unzipped" : "(no longer published)";
    const files =
      version === "new"
        ? "train_data_batch_1.npz to 10 and val_data.npz"
        : "train_32x32.tar and valid_32x32.tar, or downsampled_imagenet-*.tfrecord-*";
    throw new UsageError(
      `data.path: ImageNet 32x32 (${version} version) cannot be fetched`,
      `get ${files} ${where}, then ${prepareCommand("DOWNLOADS", format, `imagenet32-${version}`)}`,
    );
  }
  const splits = await preparedImages(data.path, context, onProgress, format);
  requireImageNet32(data.path, splits.manifest, version);
  requireImageNet32(data.path, splits.testManifest, version);
  if (splits.manifest !== splits.testManifest) return splits;
  throw new UsageError(
    `data.path ${data.path}: the validation images are not prepared`,
    `${prepareCommand("DOWNLOADS", format, `imagenet32-${version}`)}, without --split`,
  );
}
