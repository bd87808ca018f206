/** The command that makes damaged shards again. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { shellWord } from "../../base/format.ts";
import { readProgress } from "../formats/read-progress.ts";
import { workOf, type Work } from "./work.ts";
import { asInstalled } from "../../base/commands.ts";

const MIB = 2 ** 20;
const UNKNOWN = "run the npm run data -- prepare command again, which rebuilds damaged shards; copy data of another machine again"; // prettier-ignore

/** "--image-column" of "imageColumn". */
const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function optionsOf({ version, options, shardBytes }: Work): string[] {
  const given = Object.entries<string | number | boolean>({ ...options, ...(version !== undefined && { version }) });
  const words = given.flatMap(([name, value]) => (value === true ? [flagOf(name)] : [flagOf(name), String(value)]));
  return [...words, "--shard-size", String(shardBytes / MIB)];
}

/**
 * The remedy for a damaged shard or manifest: the whole command, where it is known and its sources are here; a format of
 * the user's own is named by its file.
 *
 * @param work From the manifest; absent, where that is damaged: from the file of progress beside it.
 * @param leftOut True when bad images were left out.
 */
export function prepareAgain(directory: string, work?: Work, leftOut = false): string {
  const known = work ?? workOf(readProgress(join(directory, "shards.jsonl"))?.work);
  if (!known || basename(resolve(directory)) !== known.split) return asInstalled(UNKNOWN);
  const { format, formatFile, from, split } = known;
  const here = [from, formatFile].every((path) => path === undefined || existsSync(path));
  if (!here || !Number.isInteger(known.shardBytes / MIB)) return asInstalled(UNKNOWN);
  const words = [
    ...["--format", formatFile ?? format, ...(from === undefined ? [] : ["--from", from])],
    ...["--out", dirname(resolve(directory)), "--split", split, ...optionsOf(known)],
    ...(leftOut ? ["--skip-bad"] : []),
  ];
  return `${asInstalled("run npm run data -- prepare")} ${words.map(shellWord).join(" ")} ; it rebuilds damaged shards`;
}
