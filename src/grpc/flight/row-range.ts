/** Rows of a split: what a ticket of this server says, and a descriptor of the kind CMD. */
import { status } from "@grpc/grpc-js";
import { z } from "zod";
import { statusError } from "../receive.ts";

const range = z.strictObject({
  path: z.array(z.string()).min(1),
  first: z.int().min(0).default(0),
  count: z.int().min(0).optional(),
});

export interface RowRange {
  /** The data set and the split, as `["cifar10", "train"]`. */
  readonly path: readonly string[];
  /** The first row. */
  readonly first: number;
  /** Absent: up to the last row. */
  readonly count?: number | undefined;
}

/** Encodes a range as JSON, for a ticket or a command. */
export const rangeBytes = ({ path, first, count }: RowRange): Buffer =>
  Buffer.from(JSON.stringify({ path, first, count }));

const SHOWN = 200;

/** @param what Named in the error, as "ticket". @throws an error with the status INVALID_ARGUMENT. */
export function parseRange(what: string, bytes: Uint8Array): RowRange {
  const text = Buffer.from(bytes).toString("utf8");
  const fault = (reason: string) =>
    statusError(status.INVALID_ARGUMENT, `${what} ${JSON.stringify(text.slice(0, SHOWN))}: ${reason}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault('it is no JSON, as {"path": ["cifar10", "train"], "first": 0, "count": 100}');
  }
  const { data, error } = range.safeParse(value);
  if (data) return data;
  throw fault(z.prettifyError(error).replace(/\s+/g, " ").slice(0, SHOWN));
}

/** @returns Number of rows. @throws an error with the status INVALID_ARGUMENT when the range leads out of `length` rows. */
export function countRows({ path, first, count }: RowRange, length: number): number {
  const wanted = count ?? Math.max(length - first, 0);
  if (first <= length && first + wanted <= length) return wanted;
  const rows = count === undefined ? `rows from ${first} on` : `rows ${first} to ${first + count}`;
  throw statusError(status.INVALID_ARGUMENT, `${path.join("/")}: ${rows} are out of range, it has ${length}`);
}
