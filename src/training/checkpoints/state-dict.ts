/** The reference's training state as arrays by name, the middle between its files and the flat vectors. */
import { describeArray, namedArray, type NamedArray } from "../../data/formats/named-array.ts";
import { layoutOf, valuesOf, type ParameterLayout } from "../../models/parameters.ts";
import { differencesError } from "./differences.ts";
import { DEQUANTIZER_FIELD, fieldProblems, numberIn, STEP, type StoredCheckpoint } from "./reference-fields.ts"; // prettier-ignore

/** The reference has no outer momentum and one average. */
type Vector = "parameters" | "m" | "v" | "ema";
type Shapes = ReadonlyMap<string, readonly number[]>;

/** Null stands for a branch with nothing on it. */
export type StateDict = ReadonlyMap<string, NamedArray | null>;

/** The text before and after a parameter's name. */
const PLACES: Readonly<Record<Vector, readonly [string, string]>> = {
  parameters: ["optimizer/target/", ""],
  m: ["optimizer/state/param_states/", "/grad_ema"],
  v: ["optimizer/state/param_states/", "/grad_sq_ema"],
  ema: ["params_ema/", ""],
};
const VECTORS = Object.keys(PLACES) as Vector[];
const pathOf = (vector: Vector, name: string) => PLACES[vector][0] + name + PLACES[vector][1];

/** The NCSN++ family has no state but its parameters. */
const MODEL_STATE = "model_state";

type Trees = Readonly<Record<Vector, Map<string, NamedArray>>>;

interface Sorted {
  readonly trees: Trees;
  readonly fields: Map<string, NamedArray>;
  /** Empty branches that should not be there. */
  readonly empty: readonly string[];
}

function sort(dict: StateDict): Sorted {
  const trees: Trees = { parameters: new Map(), m: new Map(), v: new Map(), ema: new Map() };
  const fields = new Map<string, NamedArray>();
  const empty: string[] = [];
  for (const [path, array] of dict) {
    const vector = VECTORS.find((v) => path.startsWith(PLACES[v][0]) && path.endsWith(PLACES[v][1]));
    if (array === null) {
      if (path !== MODEL_STATE) empty.push(path);
    } else if (!vector) fields.set(path, array);
    else trees[vector].set(path.slice(PLACES[vector][0].length, path.length - PLACES[vector][1].length), array);
  }
  return { trees, fields, empty };
}

/** Shapes by name, of all parameters that any of the trees has. */
function shapesIn(trees: Trees): Shapes {
  const shapes = new Map<string, readonly number[]>();
  for (const vector of VECTORS) {
    for (const [name, { shape }] of trees[vector]) if (!shapes.has(name)) shapes.set(name, shape);
  }
  return new Map([...shapes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A line for each parameter that is not as expected; one line only where all trees differ alike. */
function parameterProblems(trees: Trees, expected: Shapes): string[] {
  return [...new Set([...expected.keys(), ...shapesIn(trees).keys()])].flatMap((name) => {
    const shape = expected.get(name);
    const wanted = shape ? `[${shape.join(", ")}]` : "none";
    const found = VECTORS.map((vector) => {
      const array = trees[vector].get(name);
      return array ? describeArray(array) : "none";
    });
    if (found.every((text) => text === found[0])) {
      return found[0] === wanted ? [] : [`${name}: ${found[0]} in the file, ${wanted} in the model`];
    }
    return VECTORS.flatMap((vector, i) =>
      found[i] === wanted ? [] : [`${pathOf(vector, name)}: ${found[i]} in the file, ${wanted} is expected`],
    );
  });
}

/** The arrays of a tree one after another as the layout has them. */
function flatten(layout: ParameterLayout, tree: ReadonlyMap<string, NamedArray>): Float32Array {
  const flat = new Float32Array(layout.length);
  const bytes = new Uint8Array(flat.buffer);
  for (const { name, offset } of layout.slots) bytes.set(tree.get(name)!.bytes, offset * flat.BYTES_PER_ELEMENT);
  return flat;
}

/** A layout of parameters that are only stored, not initialized. */
export const layoutOfShapes = (shapes: Shapes): ParameterLayout =>
  layoutOf([...shapes].map(([name, shape]) => ({ name, shape, init: { kind: "zeros" } })));

/**
 * Reads a state.
 *
 * @param path Named in errors.
 * @param layout Of the model that it must be of; without it, the file's own.
 * @throws UsageError listing what is missing, too much or of another form.
 */
export function fromStateDict(path: string, dict: StateDict, layout?: ParameterLayout): StoredCheckpoint {
  const { trees, fields, empty } = sort(dict);
  const shapes = layout ? new Map(layout.slots.map(({ name, shape }) => [name, shape])) : shapesIn(trees);
  const problems = [
    ...fieldProblems(fields),
    ...empty.map((name) => `${name}: nothing is in it`),
    ...parameterProblems(trees, shapes),
    ...(shapes.size ? [] : ["there are no parameters"]),
  ];
  if (problems.length) {
    throw layout
      ? differencesError(
          `checkpoint ${path} does not fit the model`,
          problems,
          "give the model.* settings it was trained with, or use another checkpoint",
        )
      : differencesError(`checkpoint ${path} is not whole`, problems, "get the file again, or give another one");
  }
  const own = layout ?? layoutOfShapes(shapes);
  const [parameters, m, v, ema] = VECTORS.map((vector) => flatten(own, trees[vector])) as Float32Array[];
  const step = numberIn(fields.get(STEP)!);
  const snapshot = { step, parameters: parameters!, m: m!, v: v!, ema: ema! };
  return { layout: own, snapshot, fields };
}

/** The state in the reference's order; the arrays are views on the vectors. */
export function toStateDict({ layout, snapshot, fields }: StoredCheckpoint): StateDict {
  const dict = new Map<string, NamedArray | null>();
  const field = (name: string, array = fields.get(name)) => array && dict.set(name, array);
  const trees = (...vectors: Vector[]) => {
    for (const slot of layout.slots) {
      for (const vector of vectors) {
        const values = valuesOf(snapshot[vector], slot);
        dict.set(pathOf(vector, slot.name), namedArray("F32", slot.shape, values));
      }
    }
  };
  field("step");
  trees("parameters");
  field("optimizer/state/step");
  trees("m", "v");
  field("lr");
  if (!fields.has(DEQUANTIZER_FIELD)) dict.set(MODEL_STATE, null);
  field("ema_rate");
  trees("ema");
  field(DEQUANTIZER_FIELD);
  field("ema_eval_bpd");
  field("rng");
  return dict;
}
