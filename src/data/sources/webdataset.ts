import { basename } from "node:path";
import { BadDataError, badEntry } from "./bad-data.ts";
import { NONE } from "./cell.ts";
import { decodeImage } from "./decode-image.ts";
import { FILE_NAMES, IMAGE_ENDINGS } from "./file-names.ts";
import { findSplit, notRead } from "./find-files.ts";
import type { SourceOptions } from "./options.ts";
import { Tally } from "./passed-over.ts";
import type { Source, SourceEntry } from "./source.ts";
import { stampOf } from "./stamp.ts";
import { tarEntries, type TarFile } from "./tar.ts";

const IMAGE = new RegExp(`^(${IMAGE_ENDINGS})$`, "i");
const LABEL = "cls";

/** Folder and name of a file up to its first dot, and what follows: all files of a sample share the first. */
function keyOf(name: string): readonly [key: string, ending: string] {
  const at = name.indexOf(".", name.lastIndexOf("/") + 1);
  return at < 0 ? [name, ""] : [name.slice(0, at), name.slice(at + 1).toLowerCase()];
}

/** Files of one sample by their endings. */
type Sample = Map<string, TarFile>;

/** Endings of images and of labels that are asked for; like those of files they are compared without regard to case. */
const endingsOf = ({ imageColumn, labelColumn = LABEL }: SourceOptions) => ({
  image: imageColumn?.toLowerCase(),
  label: labelColumn.toLowerCase(),
});

/** A class as WebDataset writes it: the digits of an integer. */
function labelOf(where: string, bytes: Uint8Array): number {
  const text = new TextDecoder().decode(bytes).trim();
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new BadDataError(where, `the label ${JSON.stringify(text.slice(0, 40))} is not an integer`, {
    remedy: "leave labels out with --label-column none, or use it to name the ending of class numbers",
  });
}

/** The image of a sample with its label; whatever else is in the sample is counted. */
function entryOf(sample: Sample, options: SourceOptions, tally: Tally): SourceEntry | undefined {
  const { image: imageEnding, label: labelEnding } = endingsOf(options);
  const wanted = (ending: string) => (imageEnding === undefined ? IMAGE.test(ending) : ending === imageEnding);
  const [image, ...more] = [...sample].flatMap(([ending, file]) => (wanted(ending) ? [file] : []));
  for (const { file = "" } of more) tally.add("a second image of its sample: not read", file);
  if (!image) {
    for (const { file = "" } of sample.values()) tally.add("of no image", file);
    return undefined;
  }
  const { name } = image;
  try {
    const label = labelEnding === NONE ? undefined : sample.get(labelEnding);
    const given = label ? { label: labelOf(label.name, label.read()) } : {};
    return { name, ...given, load: () => decodeImage(image.read(), name, options) };
  } catch (error) {
    if (error instanceof BadDataError) return badEntry(error);
    throw error;
  }
}

/** The samples of one archive: files that share a name lie one behind the other. */
async function* samplesOf(path: string, options: SourceOptions, tally: Tally): AsyncGenerator<SourceEntry> {
  let key = "";
  let sample: Sample = new Map();
  let found = false;
  const { image, label } = endingsOf(options);
  const wanted = (file: string) => {
    const [, ending] = keyOf(file);
    const hidden = basename(file).startsWith(".");
    const known = IMAGE.test(ending) || ending === label || ending === image;
    if (hidden) tally.add("hidden", file);
    else if (!known) tally.add(notRead(file), file);
    return !hidden && known;
  };
  const onOther = (type: string, name: string) => tally.add(`${type} in an archive: not read`, name);
  for await (const file of tarEntries(path, wanted, onOther)) {
    const [next, ending] = keyOf(file.file ?? "");
    if (file.last || file.file === undefined || next !== key) {
      const entry = entryOf(sample, options, tally);
      found ||= entry !== undefined;
      if (entry) yield entry;
      key = next;
      sample = new Map();
    }
    if (file.file === undefined) yield { name: file.name, load: () => decodeImage(file.read(), file.name, options) };
    else if (!sample.has(ending)) sample.set(ending, file);
    else yield badEntry(new BadDataError(file.name, "a file of this name is in the sample already"));
    if (file.last) return;
  }
  const entry = entryOf(sample, options, tally);
  if (entry) yield entry;
  else if (!found)
    yield badEntry(
      new BadDataError(path, "no image in it", {
        whole: true,
        remedy: "name the ending of the images with --image-column",
      }),
    );
}

/**
 * WebDataset: tar archives, packed by gzip or not, of KEY.jpg (or another image) with KEY.cls, its class. Other files of
 * a sample are passed over and counted.
 *
 * @throws UsageError when there is no such file.
 * @see https://github.com/webdataset/webdataset
 */
export async function openWebDataset(options: SourceOptions): Promise<Source> {
  const { paths, faults, passedOver } = await findSplit(options, FILE_NAMES.webdataset, ".tar files");
  let tally = new Tally();
  return {
    format: "webdataset",
    split: options.split,
    files: await Promise.all(paths.map(stampOf)),
    passedOver,
    passedInside: () => tally.list(),
    async *entries() {
      tally = new Tally();
      for (const path of paths) yield* samplesOf(path, options, tally);
      for (const fault of faults) yield badEntry(fault);
    },
  };
}
