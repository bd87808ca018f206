/** A checkpoint read without a model: its own layout, and all that the reference keeps beside the parameters. */
import { describeArray, namedArray, valuesOfArray, type NamedArray } from "../../data/formats/named-array.ts";
import type { SafetensorDtype } from "../../data/formats/safetensors.ts";
import type { ParameterLayout } from "../../models/parameters.ts";
import type { Snapshot } from "../train-state.ts";

/** Fields by the reference's names, without the parameters, moments and average. */
export type Fields = ReadonlyMap<string, NamedArray>;

export interface StoredCheckpoint {
  readonly layout: ParameterLayout;
  readonly snapshot: Snapshot;
  readonly fields: Fields;
  /** The configuration of the run that wrote it; undefined where the format has no place for one. */
  readonly config?: unknown;
}

interface FieldKind {
  readonly what: string;
  readonly dtypes: readonly SafetensorDtype[];
  readonly shape: readonly number[];
  readonly optional?: boolean;
}

const COUNT: FieldKind = { what: "an integer", dtypes: ["I32", "I64", "U32", "U64"], shape: [] };
const REAL: FieldKind = { what: "a number", dtypes: ["F32", "F64"], shape: [] };

/** State.step and the optimizer's own count of the same updates. */
export const STEP = "step";
export const OPTIMIZER_STEP = "optimizer/state/step";
/** A field of the dequantizer's checkpoints only, which have no model_state. */
export const DEQUANTIZER_FIELD = "ema_train_bpd";

/** @see the reference's models/utils.py, State and DeqState */
const KINDS: Readonly<Record<string, FieldKind>> = {
  [STEP]: COUNT,
  [OPTIMIZER_STEP]: COUNT,
  lr: REAL,
  ema_rate: REAL,
  [DEQUANTIZER_FIELD]: { ...REAL, optional: true },
  ema_eval_bpd: { ...REAL, optional: true },
  rng: { what: "the 2 numbers of a random key", dtypes: ["U32"], shape: [2] },
};

/** The one number of a field without dimensions. */
export const numberIn = (array: NamedArray): number => Number(valuesOfArray(array)[0]);

/** Lists the faults of the fields, one a line; empty when there is none. */
export function fieldProblems(fields: Fields): string[] {
  const known = Object.entries(KINDS).flatMap(([name, { what, dtypes, shape, optional }]) => {
    const array = fields.get(name);
    if (!array) return optional ? [] : [`${name}: none in the file, ${what} is expected`];
    const fits = dtypes.includes(array.dtype) && array.shape.join() === shape.join();
    return fits ? [] : [`${name}: ${describeArray(array)} in the file, ${what} is expected`];
  });
  const unknown = [...fields.keys()].filter((name) => !Object.hasOwn(KINDS, name));
  const problems = [...known, ...unknown.map((name) => `${name}: a checkpoint has no such field`)];
  return problems.length ? problems : stepProblems(fields);
}

function stepProblems(fields: Fields): string[] {
  const [step, own] = [STEP, OPTIMIZER_STEP].map((name) => numberIn(fields.get(name)!)) as [number, number];
  if (!Number.isSafeInteger(step) || step < 0) return [`${STEP}: ${step} is not a number of steps`];
  return own === step ? [] : [`${OPTIMIZER_STEP}: ${own} in the file, ${STEP} is ${step}`];
}

/** Values that the reference keeps beside the parameters; the defaults are those of its CIFAR-10 configurations. */
export interface FieldOptions {
  /** Learning rate after warmup. */
  readonly lr?: number;
  /** Decay of the averaged parameters. */
  readonly emaRate?: number;
  /** Seed of the random key with which the reference would go on. */
  readonly seed?: number;
}

/**
 * The fields of a run that did not come from the reference.
 *
 * @throws RangeError when the step does not fit in the reference's int32.
 */
export function fieldsOf(step: number, { lr = 2e-4, emaRate = 0.9999, seed = 42 }: FieldOptions = {}): Fields {
  const count = Int32Array.of(step);
  if (count[0] !== step) throw new RangeError(`step ${step} is not an int32`);
  // jax.random.PRNGKey: the seed's upper and lower 32 bits.
  const key = Uint32Array.of(Math.floor(seed / 2 ** 32), seed >>> 0);
  return new Map([
    [STEP, namedArray("I32", [], count)],
    [OPTIMIZER_STEP, namedArray("I32", [], count)],
    ["lr", namedArray("F32", [], Float32Array.of(lr))],
    ["ema_rate", namedArray("F32", [], Float32Array.of(emaRate))],
    ["rng", namedArray("U32", [2], key)],
  ]);
}
