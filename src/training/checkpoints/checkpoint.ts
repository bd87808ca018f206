/** One file with everything that is needed to go on: parameters, moments, average, step, and what they belong to. */
import { createHash } from "node:crypto";
import { readArrowFile, writeArrowFile, type ArrowFile } from "../../data/formats/arrow-file.ts";
import { UsageError } from "../../base/errors.ts";
import type { ParameterLayout } from "../../models/parameters.ts";
import { averageName, type Snapshot } from "../train-state.ts";
import { differencesError } from "./differences.ts";

const VECTORS = ["parameters", "m", "v", "ema"] as const;
/** Versions of the file's form: the second has an outer momentum of local steps, the third further averages. */
const FORMATS = ["scorestream-checkpoint-1", "scorestream-checkpoint-2", "scorestream-checkpoint-3"] as const;
type Format = (typeof FORMATS)[number];

const formatOf = ({ outer, averages }: Snapshot): Format => FORMATS[averages ? 2 : outer ? 1 : 0];
const isFormat = (text: string | undefined): text is Format => FORMATS.some((format) => format === text);

/** The vectors of a snapshot by name, in the order of the file. */
const vectorsOf = ({ outer, averages, ...snapshot }: Snapshot): [string, Float32Array][] => [
  ...VECTORS.map((name): [string, Float32Array] => [name, snapshot[name]]),
  ...(outer ? [["outer", outer] as [string, Float32Array]] : []),
  ...[...(averages ?? [])].map(([rate, values]): [string, Float32Array] => [averageName(rate), values]),
];

/** Names of the vectors in a file. The third form lists its averages, and has a momentum or not. */
function namesIn(format: Format, columns: ReadonlyMap<string, unknown>, rates: readonly number[]): string[] {
  const outer = format === FORMATS[1] || (format === FORMATS[2] && columns.has("outer"));
  return [...VECTORS, ...(outer ? ["outer"] : []), ...rates.map(averageName)];
}

/** The decays of the further averages in a file. */
function ratesIn(path: string, text: string | undefined): number[] {
  let rates: unknown;
  try {
    rates = JSON.parse(text ?? "[]");
  } catch {
    rates = undefined;
  }
  const valid = Array.isArray(rates) && rates.every((rate) => typeof rate === "number" && rate >= 0 && rate < 1);
  if (!valid) throw new DamagedCheckpointError(path, "its list of averages is not readable");
  return rates as number[];
}

const layoutText = ({ slots }: ParameterLayout) => JSON.stringify(slots.map(({ name, shape }) => [name, shape]));

/** SHA-256 over the metadata and the vectors. */
function checksum(about: readonly string[], vectors: readonly Float32Array[]): string {
  const hash = createHash("sha256").update(JSON.stringify(about));
  for (const { buffer, byteOffset, byteLength } of vectors) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest("hex");
}

/**
 * Writes a checkpoint, an Arrow IPC file with one column a vector, atomically.
 *
 * @param config The run's configuration, kept for the reader's information.
 */
export async function writeCheckpoint(
  path: string,
  layout: ParameterLayout,
  snapshot: Snapshot,
  config: unknown,
): Promise<void> {
  const about = { step: String(snapshot.step), layout: layoutText(layout), config: JSON.stringify(config) };
  const format = formatOf(snapshot);
  const vectors = vectorsOf(snapshot);
  const columns = Object.fromEntries(vectors.map(([name, data]) => [name, { data, shape: [] }]));
  const averages = snapshot.averages && { averages: JSON.stringify([...snapshot.averages.keys()]) };
  const told = [format, about.step, about.layout, about.config, ...Object.values(averages ?? {})];
  const sum = checksum(told, vectors.map(([, data]) => data)); // prettier-ignore
  await writeArrowFile(path, columns, { format, ...about, ...averages, checksum: sum });
}

/** Reports a checkpoint file that is damaged. */
export class DamagedCheckpointError extends UsageError {
  override readonly name = "DamagedCheckpointError";

  constructor(path: string, what: string, options?: ErrorOptions) {
    super(
      `checkpoint ${path} is damaged: ${what}`,
      "use another one with --set checkpoint=FILE, or remove it",
      options,
    );
  }
}

/** The error for a form that is none of {@link FORMATS}. */
function foreign(path: string, format: string | undefined): UsageError {
  if (format === undefined || !/^scorestream-checkpoint-\d+$/.test(format)) {
    return new DamagedCheckpointError(path, "it is not a ScoreStream checkpoint");
  }
  return new UsageError(
    `checkpoint ${path}: a later version wrote it (${format}); this one reads up to ${FORMATS.at(-1)}`,
    "use the version that wrote it, or another checkpoint with --set checkpoint=FILE",
  );
}

/** The error for the user in place of one of reading. */
export function unreadable(path: string, error: unknown): UsageError {
  const { message, code } = error as NodeJS.ErrnoException;
  return code
    ? new UsageError(`checkpoint ${path} cannot be read: ${message}`, "check the path", { cause: error })
    : new DamagedCheckpointError(path, message, { cause: error });
}

function read(path: string): ArrowFile {
  try {
    return readArrowFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Reads the state of {@link readRunCheckpoint} alone. */
export const readCheckpoint = (path: string, layout: ParameterLayout): Snapshot =>
  readRunCheckpoint(path, layout).snapshot;

/**
 * Reads a checkpoint of a model with this layout, and the configuration it was written with, as JSON.
 *
 * @throws DamagedCheckpointError when the file is not whole; UsageError when it cannot be read or belongs to another model.
 */
export function readRunCheckpoint(path: string, layout: ParameterLayout): { snapshot: Snapshot; config: string } {
  const { columns, metadata } = read(path);
  const format = metadata.get("format");
  if (!isFormat(format)) throw foreign(path, format);
  const [step, stored, config] = ["step", "layout", "config"].map((key) => metadata.get(key) ?? "");
  const listed = metadata.get("averages");
  const rates = format === FORMATS[2] ? ratesIn(path, listed) : [];
  const names = namesIn(format, columns, rates);
  const vectors = names.map((name) => columns.get(name)?.data);
  if (!vectors.every((data) => data instanceof Float32Array))
    throw new DamagedCheckpointError(path, "a vector is missing");
  if (
    checksum([format, step!, stored!, config!, ...(format === FORMATS[2] ? [listed ?? ""] : [])], vectors) !==
    metadata.get("checksum")
  ) {
    throw new DamagedCheckpointError(path, "its checksum differs");
  }
  requireLayout(path, stored!, layout);
  const short = vectors.findIndex(({ length }) => length !== layout.length);
  if (short >= 0) {
    const what = `"${names[short]}" has ${vectors[short]!.length} values, the parameters take ${layout.length}`;
    throw new DamagedCheckpointError(path, what);
  }
  if (!(Number.isSafeInteger(Number(step)) && Number(step) >= 0)) {
    throw new DamagedCheckpointError(path, "its number of steps is not readable");
  }
  const named = (name: string) => vectors[names.indexOf(name)]!;
  const [parameters, m, v, ema] = VECTORS.map(named) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const outer = names.includes("outer") && { outer: named("outer") };
  const averages = new Map(rates.map((rate) => [rate, named(averageName(rate))]));
  const further = { ...outer, ...(averages.size > 0 && { averages }) };
  return { snapshot: { step: Number(step), parameters, m, v, ema, ...further }, config: config! };
}

/** @throws UsageError naming the parameters that differ. */
function requireLayout(path: string, stored: string, layout: ParameterLayout): void {
  if (stored === layoutText(layout)) return;
  const there = new Map(JSON.parse(stored) as [string, number[]][]);
  const here = new Map(layout.slots.map(({ name, shape }) => [name, shape]));
  const show = (shape: readonly number[] | undefined) => (shape ? `[${shape.join(", ")}]` : "none");
  const different = [...new Set([...there.keys(), ...here.keys()])].flatMap((name) => {
    const [a, b] = [show(there.get(name)), show(here.get(name))];
    return a === b ? [] : [`${name}: ${a} in the file, ${b} in the model`];
  });
  const remedy = "give the model.* settings it was trained with, or use another checkpoint";
  throw differencesError(`checkpoint ${path} belongs to another model`, different, remedy);
}
