/** Finds arrays of images and labels by their names, which may tell a split: "x_train", "test_images". */
import { namesOr } from "./cell.ts";
import type { SourceOptions } from "./options.ts";
import { canonicalSplit, ofSplit, refuseSplit, splitsTold, withoutSplit } from "./splits.ts";

const IMAGES = ["images", "data", "x", "arr_0", ""];
const LABELS = ["labels", "label", "y", "arr_1"];
/** The same beside a split, as in "train_image". */
const [SPLIT_IMAGES, SPLIT_LABELS] = [
  ["images", "image", "data", "x"],
  ["labels", "label", "y"],
];

/** Names to look for, the preferred first. */
export interface ArrayNames {
  readonly images: readonly string[];
  readonly labels: readonly string[];
}

interface ToldArray {
  readonly name: string;
  readonly rest: string;
  readonly split: string | undefined;
}

const toldArrays = (names: readonly string[]): ToldArray[] => names.map((name) => ({ name, ...withoutSplit(name) }));
const isImages = ({ rest, split }: ToldArray) => split !== undefined && SPLIT_IMAGES.includes(rest);

/** The splits that arrays of one file tell; none where one array of images tells none. */
export function splitsOfNames(names: readonly string[]): string[] {
  return names.some((name) => IMAGES.includes(name)) ? [] : splitsTold(toldArrays(names).filter(isImages));
}

/** The name of the array of images that is meant, where one tells a split. @throws UsageError when others tell others. */
function toldImages(path: string, names: readonly string[], { split, imageColumn }: SourceOptions) {
  const told = toldArrays(names);
  if (imageColumn === undefined) {
    return splitsOfNames(names).length > 0 ? ofSplit(path, told.filter(isImages), split)[0] : undefined;
  }
  const asked = told.find(({ name }) => name === imageColumn);
  // As for files: test images may be named to train on them, training images are test images nowhere.
  if (asked?.split === "train" && canonicalSplit(split) !== "train") refuseSplit(path, split, ["train"]);
  return asked;
}

/**
 * The names of the images of a split, and of their labels: those of another split are never taken.
 *
 * @throws UsageError when the names tell other splits only.
 */
export function arrayNames(path: string, names: readonly string[], options: SourceOptions): ArrayNames {
  const { imageColumn, labelColumn } = options;
  const images = toldImages(path, names, options);
  const split = images?.split;
  const ofSame = ({ rest, split: own }: ToldArray) => own === split && SPLIT_LABELS.includes(rest);
  const labels = split === undefined ? LABELS : toldArrays(names).filter(ofSame).map(({ name }) => name); // prettier-ignore
  return {
    images: imageColumn === undefined && images ? [images.name] : namesOr(imageColumn, IMAGES),
    labels: namesOr(labelColumn, labels),
  };
}
