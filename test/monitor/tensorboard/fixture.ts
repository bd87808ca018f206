/** What the real TensorBoard finds in event files. */
import { readFileSync } from "node:fs";
import { pythonWith } from "../../support/python.ts";

export interface Loaded {
  readonly version: number;
  /** [step, seconds, value], NaN as "nan". */
  readonly scalars: Readonly<Record<string, readonly (readonly [number, number, number | "nan"])[]>>;
  /** [step, width, height, bytes in hexadecimal]. */
  readonly images: Readonly<Record<string, readonly (readonly [number, number, number, string])[]>>;
  /** [step, [min, max, num, sum, sum of squares], ends of buckets, counts]. */
  readonly histograms: Readonly<Record<string, readonly (readonly [number, number[], number[], number[]])[]>>;
  readonly hparams: readonly Readonly<Record<string, unknown>>[];
  /** [status, seconds]. */
  readonly ends: readonly (readonly [string, number])[];
}

/** Loads the event files of a folder with TensorBoard's own reader. */
export function loadEvents(folder: string): Loaded {
  // What TensorBoard leaves open, at versions that go with it: later setuptools have no pkg_resources.
  const python = pythonWith("tensorboard==2.20.0", "numpy==2.2.6", "protobuf==6.33.0", "setuptools==80.9.0");
  const program = readFileSync(new URL("./load.py", import.meta.url), "utf8");
  const { status, stdout, stderr } = python.run(program, folder);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Loaded;
}
