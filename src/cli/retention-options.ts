/** For how long, and in how much room, a monitor keeps the records of runs. */
import type { Command } from "commander";
import { UsageError } from "../base/errors.ts";
import type { Retention } from "../monitor/retention.ts";

export interface GivenRetention {
  readonly keep?: string;
  readonly maxSize?: string;
}

/** ms. */
const TIMES: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const PREFIXES = "kMGT";

export function addRetentionOptions(command: Command): void {
  command
    .option("--keep <time>", "removes the record of a run after this much silence, for example 30d; default: never")
    .option(
      "--max-size <bytes>",
      "removes the oldest records while all records together are larger, for example 10GB; never those of live runs",
    );
}

/** The number before the letters of a unit; undefined where it is none above 0. */
function counted(text: string, units: RegExp): readonly [number, string] | undefined {
  const [, digits, unit] = new RegExp(`^(\\d{1,9}(?:\\.\\d{1,6})?) ?(${units.source})$`).exec(text) ?? [];
  return digits === undefined || !(Number(digits) > 0) ? undefined : [Number(digits), unit!];
}

function time(text: string): number {
  const found = counted(text, /[mhdw]/);
  if (found) return found[0] * TIMES[found[1]]!;
  throw new UsageError(`--keep ${text}: expected a number and m, h, d or w`, "for example --keep 30d");
}

function size(text: string): number {
  const found = counted(text, /[kMGT]?i?B/);
  const [amount, unit] = found ?? [];
  if (amount !== undefined && unit !== "iB") {
    const power = PREFIXES.indexOf(unit![0]!) + 1;
    return amount * (unit!.includes("i") ? 1024 : 1000) ** power;
  }
  throw new UsageError(`--max-size ${text}: expected a number and B, kB, MB, GB, TB, or MiB and the like`, "for example --max-size 10GB"); // prettier-ignore
}

/** Undefined where all is kept. @throws UsageError for what is no time or no size. */
export function parseRetention({ keep, maxSize }: GivenRetention): Retention | undefined {
  if (keep === undefined && maxSize === undefined) return undefined;
  return {
    keep: keep === undefined ? undefined : time(keep),
    maxSize: maxSize === undefined ? undefined : size(maxSize),
  };
}
