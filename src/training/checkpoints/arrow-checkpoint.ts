/**
 * Reads this project's own checkpoints without a model, including the fields that the reference keeps beside the
 * parameters.
 */
import { readArrowMetadata } from "../../data/formats/arrow-metadata.ts";
import { widthOf, type NamedArray } from "../../data/formats/named-array.ts";
import type { ParameterLayout } from "../../models/parameters.ts";
import { DamagedCheckpointError, readCheckpoint, unreadable, writeCheckpoint } from "./checkpoint.ts";
import { differencesError } from "./differences.ts";
import { fieldOptions, isRecord, parseConfig, type Json } from "./stored-config.ts";
import { fieldProblems, fieldsOf, numberIn, STEP, type Fields, type StoredCheckpoint } from "./reference-fields.ts";
import { layoutOfShapes } from "./state-dict.ts";

/** Key of the configuration that holds the fields of a checkpoint from the reference. */
const REFERENCE = "reference";
const MAX_PARAMETERS = 1 << 16;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isShape = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);
const isSlot = (value: unknown): value is [string, number[]] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && isShape(value[1]);

function parseLayout(path: string, text: string): ParameterLayout {
  const refuse = (what: string) => new DamagedCheckpointError(path, what);
  let slots: unknown;
  try {
    slots = JSON.parse(text);
  } catch {
    slots = undefined;
  }
  if (!Array.isArray(slots) || !slots.every(isSlot)) throw refuse("its list of parameters is not readable");
  if (slots.length > MAX_PARAMETERS) throw refuse(`it lists ${slots.length} parameters`);
  const shapes = new Map(slots);
  if (shapes.size !== slots.length) throw refuse("its list names a parameter twice");
  return layoutOfShapes(shapes);
}

/** Encodes the fields in the order of their names, so that equal fields have equal texts. */
const encoded = (fields: Fields): Json =>
  Object.fromEntries(
    [...fields]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { dtype, shape, bytes }]) => [
        name,
        { dtype, shape, hex: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex") },
      ]),
  );

function decodedField(path: string, name: string, value: unknown): NamedArray {
  const { dtype, shape, hex } = isRecord(value) ? value : {};
  const known = ["F32", "F64", "I32", "I64", "U32", "U64"] as const;
  const type = known.find((one) => one === dtype);
  const bytes = Uint8Array.from(Buffer.from(typeof hex === "string" ? hex : "", "hex"));
  if (!type || !isShape(shape) || bytes.length !== shape.reduce((a, b) => a * b, 1) * widthOf(type)) {
    throw new DamagedCheckpointError(path, `its field "${name}" is not readable`);
  }
  return { dtype: type, shape, bytes };
}

/** @throws UsageError when the fields are not those of a checkpoint, or of another step. */
function decoded(path: string, value: unknown, step: number): Fields {
  const entries = Object.entries(isRecord(value) ? value : {});
  const fields = new Map(entries.map(([name, field]) => [name, decodedField(path, name, field)]));
  const problems = fieldProblems(fields);
  const own = problems.length ? undefined : numberIn(fields.get(STEP)!);
  if (own !== undefined && own !== step) problems.push(`${STEP}: ${own} in its field, ${step} in the file`);
  if (problems.length) throw differencesError(`checkpoint ${path} is not whole`, problems, "give another one");
  return fields;
}

/** The fields that the reference would have for a run of this configuration. */
function ownFields(path: string, step: number, config: Json | undefined): Fields {
  try {
    return fieldsOf(step, fieldOptions(config));
  } catch (error) {
    throw new DamagedCheckpointError(path, (error as Error).message, { cause: error });
  }
}

/**
 * Reads one of this project's checkpoints, whatever its model.
 *
 * @throws UsageError when the file cannot be read or is damaged.
 */
export async function openArrowCheckpoint(path: string): Promise<StoredCheckpoint> {
  const metadata = await readArrowMetadata(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const [layoutText, configText] = [metadata.get("layout"), metadata.get("config")];
  if (layoutText === undefined || configText === undefined) {
    throw new DamagedCheckpointError(path, "it is not a ScoreStream checkpoint");
  }
  const layout = parseLayout(path, layoutText);
  const snapshot = readCheckpoint(path, layout);
  const { [REFERENCE]: reference, ...rest } = parseConfig(path, configText);
  const config = Object.keys(rest).length ? { config: rest } : {};
  const fields =
    reference === undefined ? ownFields(path, snapshot.step, rest) : decoded(path, reference, snapshot.step);
  return { layout, snapshot, fields, ...config };
}

/** Writes one of this project's checkpoints, atomically; fields are kept where the configuration does not imply them. */
export async function saveArrowCheckpoint(path: string, stored: StoredCheckpoint): Promise<void> {
  const { layout, snapshot, fields } = stored;
  const config = isRecord(stored.config) ? stored.config : {};
  const text = JSON.stringify(encoded(fields));
  const implied = JSON.stringify(encoded(fieldsOf(snapshot.step, fieldOptions(config)))) === text;
  await writeCheckpoint(path, layout, snapshot, implied ? config : { ...config, [REFERENCE]: encoded(fields) });
}
