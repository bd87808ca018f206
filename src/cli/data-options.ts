/** The options of `npm run data`. */
import { Command, CommanderError, Option } from "commander";
import { formats, requireFormat, type WantedSource } from "../data/sources/formats.ts";
import { UsageError } from "../base/errors.ts";
import { flightCommands, flightRequest, type PullRequest, type ServeRequest } from "./data-flight-options.ts";
import { asInstalled } from "../base/commands.ts";

export interface PrepareRequest {
  readonly command: "prepare";
  readonly format: string;
  readonly out: string;
  /** Absent: all that a named data set has, or that names of files and folders tell. */
  readonly splits: readonly string[] | undefined;
  readonly images: Omit<WantedSource, "split" | "cacheDir" | "skipBad">;
  /** Bytes; absent, the default. */
  readonly shardBytes: number | undefined;
  readonly skipBad: boolean;
  /** Compare hashes with what was prepared before. */
  readonly verify: boolean;
  readonly json: boolean;
}

export interface ReadRequest {
  readonly command: "inspect" | "verify";
  readonly directory: string;
  readonly json: boolean;
}

/** Undefined: the help is asked for. */
export type Request = PrepareRequest | ReadRequest | ServeRequest | PullRequest;

interface Given {
  readonly format?: string;
  readonly from?: string;
  readonly out?: string;
  readonly split?: string[];
  readonly version?: string;
  readonly size?: number;
  readonly crop?: number;
  readonly channels?: string;
  readonly filter?: "linear" | "cubic" | "lanczos3";
  readonly labels?: "none" | "folders";
  readonly range?: readonly [number, number];
  readonly transpose?: boolean;
  readonly layout?: "hwc" | "chw";
  readonly shape?: readonly number[];
  readonly imageColumn?: string;
  readonly labelColumn?: string;
  readonly shardSize?: number;
  readonly skipBad?: boolean;
  readonly verify?: boolean;
  readonly json?: boolean;
}

const MIB = 1024 * 1024;
/** Arrow counts the values of a shard in 31 bits. */
const MAX_SHARD = 1024;

/** A whole number within bounds. @throws UsageError */
const whole = (flag: string, most: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new UsageError(`${flag} ${text}: expected a whole number from 1 to ${most}`, `for example ${flag} 32`);
};

/** Two numbers with a comma between. @throws UsageError */
function sampleRange(text: string): readonly [number, number] {
  const [low = NaN, high = NaN, ...more] = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (more.length === 0 && Number.isFinite(low) && Number.isFinite(high) && low < high) return [low, high];
  throw new UsageError(
    `--range ${text}: expected two numbers, the smaller first`,
    "for example --range 0,1 or --range -1,1",
  );
}

/** Two or three lengths with commas between. @throws UsageError */
function imageAxes(text: string): readonly number[] {
  const axes = text.split(",").map((part) => (/^[1-9]\d{0,5}$/.test(part) ? Number(part) : NaN));
  if ((axes.length === 2 || axes.length === 3) && axes.every((length) => length > 0)) return axes;
  throw new UsageError(
    `--shape ${text}: expected two or three whole numbers`,
    "give the lengths of the axes as they are stored, for example --shape 32,32,3",
  );
}

const collect = (text: string, before: string[] = []) => [...before, text];

function prepareCommand(): Command {
  return new Command("prepare")
    .description("converts images to Arrow shards; run it again after an interruption, and it resumes")
    .option("--format <name>", "format of the images, see below, or the file of your own format")
    .option("--from <path>", "file or folder of the images")
    .option("--out <folder>", "folder for the shards, with a subfolder for each split")
    .option(
      "--split <name>",
      "train, test and so on; repeatable; default: all splits found in names of files and folders, otherwise train",
      collect,
    )
    .option("--version <name>", "ImageNet: old or new, whose results cannot be compared; EMNIST: letters, digits ...")
    .option("--crop <n>", "keeps the central n x n pixels", whole("--crop", 65536))
    .option("--size <n>", "resizes to n x n pixels, after a central square crop", whole("--size", 65536))
    .addOption(new Option("--channels <n>", "1 for grey, 3 for colour").choices(["1", "3"]))
    .addOption(
      new Option("--filter <kernel>", "resampling kernel, always antialiased; default cubic").choices([
        "linear",
        "cubic",
        "lanczos3",
      ]),
    )
    .addOption(
      new Option("--labels <how>", "folders: takes folder names as classes; default none").choices(["none", "folders"]),
    )
    .option("--range <low,high>", "values of black and white, such as 0,1 for floats", sampleRange)
    .option("--transpose", "swaps rows and columns, which turns EMNIST upright")
    .addOption(new Option("--layout <axes>", "pixels: [N, H, W, C] or [N, C, H, W]").choices(["hwc", "chw"]))
    .option("--shape <lengths>", "flat lists of pixels: height, width, channels, such as 32,32,3", imageAxes)
    .option("--image-column <name>", "column of the images, if it has no usual name")
    .option("--label-column <name>", "column of the labels, if it has no usual name; none: reads no labels")
    .option("--shard-size <MiB>", "largest size of a shard; default 32", whole("--shard-size", MAX_SHARD))
    .option("--skip-bad", "skips and counts faulty images and files; by default, the first one ends the preparation")
    .option("--verify", "reads all images again and compares their hashes with the prepared ones")
    .option("--json", "prints the result as one JSON object on the last line of standard output");
}

export function dataProgram(): Command {
  const command = new Command(asInstalled("npm run data --")).usage("<command> [options]");
  const inspect = new Command("inspect").argument("<folder>").description("shows the content of a folder of shards");
  const verify = new Command("verify").argument("<folder>").description("checks every shard against its hash");
  const read = [inspect.option("--json", "prints JSON"), verify.option("--json", "prints JSON")];
  for (const part of [prepareCommand(), ...read, ...flightCommands()]) {
    command.addCommand(part.helpOption(false).exitOverride().configureOutput(silent));
  }
  return command.helpOption(false).helpCommand(false).exitOverride().configureOutput(silent);
}

const silent = { writeOut: () => {}, writeErr: () => {} };

/** The whole text of `--help`. */
export function dataHelp(): string {
  const width = Math.max(...formats.map(({ name }) => name.length));
  const command = dataProgram();
  const options = command.commands
    .filter((part) => ["prepare", "serve", "pull"].includes(part.name()))
    .map((part) => `Options of ${part.name()}:\n${part.helpInformation().split("Options:\n")[1]}`);
  const lines = [
    command.helpInformation(),
    ...options,
    "Formats:",
    ...formats.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "\nExamples:",
    "  npm run data -- prepare --format imagenet32 --version new --from DOWNLOADS --out data/imagenet32",
    "  npm run data -- prepare --format folder --from PHOTOS --size 64 --out data/photos",
    "  npm run data -- inspect data/photos",
    "  npm run data -- verify data/photos",
    "  npm run data -- serve data/photos --listen 127.0.0.1:50053",
    "  npm run data -- pull --from 127.0.0.1:50053 --out copy/photos",
    "",
  ];
  return asInstalled(lines.join("\n"));
}

function required(value: string | undefined, flag: string, example: string): string {
  if (value) return value;
  throw new UsageError(`prepare needs ${flag}`, `for example ${flag} ${example}; npm run data -- --help shows all`);
}

function prepareRequest(given: Given): PrepareRequest {
  const format = required(given.format, "--format", "folder");
  const out = required(given.out, "--out", "data/photos");
  requireFormat(format);
  const { from: path, version, crop, size, filter, range, transpose, labels, layout, imageColumn, labelColumn } = given;
  const { shape } = given;
  const channels = given.channels === undefined ? undefined : (Number(given.channels) as 1 | 3);
  for (const split of given.split ?? []) {
    if (/^[\w-]+$/.test(split)) continue;
    throw new UsageError(`--split ${split}: expected letters, digits, "-" and "_"`, "for example --split train");
  }
  return {
    command: "prepare",
    format,
    out,
    splits: given.split && [...new Set(given.split)],
    images: {
      ...{ path, version, crop, size, channels, filter, range, transpose },
      ...{ labels, layout, shape, imageColumn, labelColumn },
    },
    shardBytes: given.shardSize === undefined ? undefined : given.shardSize * MIB,
    skipBad: given.skipBad ?? false,
    verify: given.verify ?? false,
    json: given.json ?? false,
  };
}

/**
 * Reads the command line.
 *
 * @param argv What follows the program's name.
 * @returns Undefined when the help is asked for.
 * @throws UsageError for anything that is not understood.
 */
export function parseDataOptions(argv: readonly string[]): Request | undefined {
  if (argv.length === 0 || argv.some((word) => word === "--help" || word === "-h")) return undefined;
  let request: Request | undefined;
  const command = dataProgram();
  for (const part of command.commands) {
    part.action(() => {
      const given = part.opts<Given>();
      const name = part.name() as Request["command"];
      if (name === "prepare") request = prepareRequest(given);
      else if (name === "serve" || name === "pull") request = flightRequest(part);
      else request = { command: name, directory: part.args[0]!, json: given.json ?? false };
    });
  }
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message.replace(/^error: /, ""), "npm run data -- --help shows the options", {
      cause: error,
    });
  }
  return request;
}
