/** Finds the split of a data set that a file or a folder holds, by its name. */
import { UsageError } from "../../base/errors.ts";

/** Every name that a split goes by; the first is the one that this program uses. */
const NAMES: readonly (readonly string[])[] = [
  ["train", "training"],
  ["validation", "valid", "val", "dev"],
  ["test", "testing", "eval", "evaluation"],
  ["extra"],
];

const CANONICAL = new Map(NAMES.flatMap((names) => names.map((name) => [name, names[0]!] as const)));

/** "val" as "validation"; a name of the user's own as it is. */
export const canonicalSplit = (name: string): string => CANONICAL.get(name.toLowerCase()) ?? name;

/** All names of a split, with the one given first. */
export const namesOfSplit = (name: string): readonly string[] => [
  ...new Set([name, ...(NAMES.find((names) => names.includes(name.toLowerCase())) ?? [])]),
];

/** Words, also those of "trainA" and "testImages". */
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g;
const wordsOf = (name: string) => (name.match(WORD) ?? []).map((word) => word.toLowerCase());
const splitsIn = (words: readonly string[]) => [...new Set(words.flatMap((word) => CANONICAL.get(word) ?? []))];

/** Words that folders of a split have beside its name, as in "training_set" and "val2017". */
const BESIDE = new Set(["set", "images", "image", "imgs", "img", "data", "split"]);

/** The split that the name of a folder tells: "train", "val2017", "test_set", "trainA", but not "train_station". */
export function splitOfFolder(name: string): string | undefined {
  const words = wordsOf(name);
  const [split, ...others] = splitsIn(words);
  const telling = words.every((word) => CANONICAL.has(word) || BESIDE.has(word) || word.length === 1);
  return telling && others.length === 0 ? split : undefined;
}

/** A name without the word of its split: "cars_train" and "cars_test" are both "cars_*". */
const patternOf = (name: string) => name.replace(WORD, (word) => (CANONICAL.has(word.toLowerCase()) ? "*" : word));

/**
 * The splits that the names of folders beside each other tell: each by itself, or because they differ in the split
 * alone, as "cars_train" and "cars_test" do.
 */
export function splitsOfFolders(names: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    const together = splitsIn(names.filter((other) => patternOf(other) === patternOf(name)).flatMap(wordsOf));
    const [split, ...others] = splitsIn(wordsOf(name));
    const told = splitOfFolder(name) ?? (together.length > 1 && others.length === 0 ? split : undefined);
    if (told !== undefined) found.set(name, told);
  }
  return found;
}

/** The word, or the words, of a name beside that of its split: "x" and "train" of "x_train". */
export function withoutSplit(name: string): { readonly rest: string; readonly split: string | undefined } {
  const words = wordsOf(name);
  const [split, ...others] = splitsIn(words);
  if (split === undefined || others.length > 0) return { rest: name, split: undefined };
  return { rest: words.filter((word) => !CANONICAL.has(word)).join("_"), split };
}

/**
 * The split that the name of a file tells: "x-train-00000-of-00002.parquet", "val_data.npz", "test.npy".
 *
 * @throws UsageError when it tells two.
 */
export function splitOfFile(name: string): string | undefined {
  const found = splitsIn(wordsOf(name));
  if (found.length < 2) return found[0];
  throw new UsageError(
    `${name}: its name contains the splits ${found.join(" and ")}`,
    "give the file a name with only one of them, such as train.npz",
  );
}

/** The split that the name of a file or folder tells, if any. */
export interface Told {
  readonly split?: string | undefined;
}

/** The splits that are told, the usual ones first. */
export function splitsTold(found: readonly Told[]): string[] {
  const told = new Set(found.flatMap(({ split }) => split ?? []));
  const usual = NAMES.map(([first]) => first!).filter((name) => told.has(name));
  return [...usual, ...[...told].filter((name) => !usual.includes(name)).sort()];
}

/** @throws UsageError that lists the splits that are there. */
export function refuseSplit(path: string, split: string, found: readonly string[]): never {
  throw new UsageError(
    `${path}: there is no split ${split}; found: ${found.join(", ")}`,
    `use ${found.map((name) => `--split ${name}`).join(" or ")}, or name the images of ${split} with --from`,
  );
}

/**
 * Those of the split, where names tell any split, else all: images of one split are never taken for those of another.
 *
 * @param root The split that the name of the folder around all of them tells.
 * @throws UsageError when there are only others.
 */
export function ofSplit<T extends Told>(
  path: string,
  found: readonly T[],
  wanted: string,
  root?: string,
): readonly T[] {
  const split = canonicalSplit(wanted);
  const own = found.filter((one) => one.split === split);
  if (own.length > 0) return own;
  const told = splitsTold(found);
  if (told.length > 0) refuseSplit(path, wanted, told);
  // A folder of test images may be named to train on them; training images are test images nowhere.
  if (root === "train" && split !== root) refuseSplit(path, wanted, [root]);
  return found;
}
