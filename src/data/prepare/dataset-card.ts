/** The dataset card of a prepared folder: by it Hugging Face's `load_dataset(FOLDER)` knows splits, pixels and classes. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../formats/arrow-file.ts";
import { pixelsOf, shapeText } from "../sources/source.ts";
import { manifestsIn, type NamedManifest } from "./manifests-in.ts";
import type { Manifest } from "./manifest.ts";

/** A card without it is somebody's own, and stays. */
const OURS = "<!-- written by npm run data; remove this line to keep your changes -->";

/** The property that all data of a card share. */
const kindOf = ({ shape, classCounts }: Manifest) => `${shapeText(shape)} ${classCounts !== undefined}`;

/**
 * Lists the splits for the card. Where they differ in kind, only those of the kind of the training images, or of the
 * first.
 */
async function splitsIn(folder: string): Promise<NamedManifest[]> {
  const all = await manifestsIn(folder);
  const main = all.find(({ name }) => name === "train") ?? all[0];
  return all.filter(({ manifest }) => kindOf(manifest) === kindOf(main!.manifest));
}

function labelFeature({ classNames }: Manifest) {
  if (!classNames) return { name: "label", dtype: "int32" };
  return { name: "label", dtype: { class_label: { names: Object.fromEntries(classNames.entries()) } } };
}

/** JSON is YAML too. */
function frontMatter(splits: readonly NamedManifest[]): string {
  const { manifest } = splits[0]!;
  const labels = manifest.classCounts ? [labelFeature(manifest)] : [];
  const image = { name: "image", sequence: "uint8", length: pixelsOf(manifest.shape) };
  // Names of splits have no "-" there.
  const files = splits.map(({ name }) => ({ split: name.replaceAll("-", "_"), path: `${name}/shard-*.arrow` }));
  const configs = [{ config_name: "default", data_files: files }];
  return JSON.stringify({ configs, dataset_info: { features: [image, ...labels] } }, undefined, 2);
}

function cardText(splits: readonly NamedManifest[]): string {
  const { shape } = splits[0]!.manifest;
  const counts = splits.map(({ name, manifest }) => `${name} ${manifest.count}`).join(", ");
  return [
    `---\n${frontMatter(splits)}\n---\n`,
    `${OURS}\n`,
    `Images of [H, W, C] = ${shapeText(shape)}, 0 to 255, prepared by ScoreStream: ${counts}.\n`,
    `\`load_dataset(FOLDER)\` of Hugging Face gives \`image\` as one list of ${pixelsOf(shape)} values.\n`,
  ].join("\n");
}

/** Writes `README.md` for the prepared splits in a folder; one that is not of this program stays. */
export async function writeDatasetCard(folder: string): Promise<void> {
  const path = join(folder, "README.md");
  const before = existsSync(path) ? await readFile(path, "utf8") : undefined;
  if (before !== undefined && !before.includes(OURS)) return;
  const splits = await splitsIn(folder);
  const text = splits.length > 0 ? cardText(splits) : undefined;
  if (text !== undefined && text !== before) await writeFileAtomic(path, [new TextEncoder().encode(text)]);
}
