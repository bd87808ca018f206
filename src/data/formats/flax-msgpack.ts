/**
 * Trees of arrays as flax serializes them: MessagePack maps, arrays as extensions of their own.
 *
 * @see flax.serialization 0.3.3, msgpack_serialize and msgpack_restore
 */
import { decodeMsgpack, MsgpackError, type MsgpackExtension, type MsgpackMap, type MsgpackValue } from "./msgpack.ts";
import { msgpackPieces, type ExtensionPieces, type Writable } from "./msgpack-pieces.ts";
import { namedArray, widthOf, type NamedArray } from "./named-array.ts";
import type { SafetensorDtype } from "./safetensors.ts";

/** flax's codes for extensions: an array, a NumPy scalar. */
const ARRAY = 1;
const SCALAR = 3;

/** NumPy's names. */
const DTYPES: Readonly<Record<SafetensorDtype, string>> = {
  F64: "float64",
  I64: "int64",
  U64: "uint64",
  F32: "float32",
  I32: "int32",
  U32: "uint32",
  I16: "int16",
  U16: "uint16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};
const dtypeOf = (name: MsgpackValue) =>
  (Object.keys(DTYPES) as SafetensorDtype[]).find((dtype) => DTYPES[dtype] === name);

/** Arrays by their place in the tree, the branches' names joined by "/"; null is a branch with nothing on it. */
export type FlaxTree = ReadonlyMap<string, NamedArray | null>;

const isCount = (value: MsgpackValue): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function arrayOf(path: string, { type, data }: MsgpackExtension): NamedArray {
  const refuse = (reason: string) => new MsgpackError(`"${path}": ${reason}`);
  if (type !== ARRAY && type !== SCALAR) throw refuse(`extension ${type} is no array`);
  let parts: MsgpackValue;
  try {
    parts = decodeMsgpack(data);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (!Array.isArray(parts) || parts.length !== 3) throw refuse("an array is not given by shape, dtype and bytes");
  const [shape, name, bytes] = parts as [MsgpackValue, MsgpackValue, MsgpackValue];
  const dtype = dtypeOf(name);
  if (!dtype) {
    throw refuse(`the dtype is ${JSON.stringify(name)}; known are ${Object.values(DTYPES).join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) throw refuse("the shape is not a list of counts");
  const expected = shape.reduce((a, b) => a * b, 1) * widthOf(dtype);
  if (!(bytes instanceof Uint8Array) || bytes.length !== expected) {
    const found = bytes instanceof Uint8Array ? bytes.length : "none";
    throw refuse(`[${shape.join(", ")}] of ${DTYPES[dtype]} needs ${expected} bytes, it has ${found}`);
  }
  return { dtype, shape, bytes };
}

/** A leaf; plain numbers, which flax leaves as they are, become arrays without dimensions. */
function leaf(path: string, value: MsgpackValue): NamedArray {
  if (typeof value === "number") return namedArray("I64", [], BigInt64Array.of(BigInt(value)));
  if (typeof value === "object" && value !== null) {
    if ("type" in value) return arrayOf(path, value);
    if ("float" in value) return namedArray("F64", [], Float64Array.of(value.float));
  }
  const found = value instanceof Uint8Array ? "bytes" : Array.isArray(value) ? "a list" : JSON.stringify(value);
  throw new MsgpackError(`"${path}": ${found} where an array should be`);
}

/**
 * Reads a tree, in the order of the file; the arrays are views on `bytes`.
 *
 * @throws MsgpackError when the bytes are not a tree of arrays.
 */
export function parseFlax(bytes: Uint8Array): FlaxTree {
  const tree = new Map<string, NamedArray | null>();
  const walk = (path: string, branch: MsgpackMap): void => {
    if (branch.size === 0 && path) tree.set(path, null);
    for (const [name, value] of branch) {
      if (name === "" || name.includes("/")) throw new MsgpackError(`"${path}" has a branch with the name "${name}"`);
      const inner = path ? `${path}/${name}` : name;
      if (value instanceof Map) walk(inner, value as MsgpackMap);
      else tree.set(inner, leaf(inner, value));
    }
  };
  const root = decodeMsgpack(bytes);
  if (!(root instanceof Map)) throw new MsgpackError("it does not begin with a map");
  walk("", root as MsgpackMap);
  return tree;
}

function extensionOf({ dtype, shape, bytes }: NamedArray): ExtensionPieces {
  return { type: ARRAY, pieces: [...msgpackPieces([shape, DTYPES[dtype], bytes])] };
}

type Branch = Map<string, Writable>;

/** The branch at the end of `names`, grown where it is not there yet. */
function branchAt(root: Branch, names: readonly string[]): Branch {
  let at = root;
  for (const name of names) {
    if (!at.has(name)) at.set(name, new Map());
    at = at.get(name) as Branch;
  }
  return at;
}

/** The bytes of a tree in pieces; branches have the order in which they are first named. */
export function flaxPieces(tree: FlaxTree): Generator<Uint8Array> {
  const root: Branch = new Map();
  for (const [path, array] of tree) {
    const names = path.split("/");
    if (array === null) branchAt(root, names);
    else branchAt(root, names.slice(0, -1)).set(names.at(-1)!, extensionOf(array));
  }
  return msgpackPieces(root);
}
