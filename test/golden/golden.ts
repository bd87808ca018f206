/** Reads the golden vectors: numbers that the reference computed, described by a manifest. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";
import { parseSafetensors, type Safetensor } from "../../src/data/formats/safetensors.ts";

/** Where the vectors are: `test/vectors`, or the folder that `SCORESTREAM_GOLDEN` names. */
export const directory = process.env.SCORESTREAM_GOLDEN ?? fileURLToPath(new URL("../vectors", import.meta.url));

export interface TensorEntry {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly what: string;
}

export interface CaseEntry {
  readonly description: string;
  readonly reference_functions: readonly string[];
  readonly config?: Config;
  readonly notes?: string;
  /** What a change of the input of relative size 1e-6 does to results of a solver. */
  readonly sensitivity?: Readonly<Record<string, number>>;
  readonly tensors: Readonly<Record<string, TensorEntry>>;
}

/** A configuration as the reference has it: nested objects of numbers, strings and flags. */
export interface Config {
  // The manifest's configurations differ from family to family.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly [name: string]: any;
}

export interface Manifest {
  readonly conventions: Readonly<Record<string, string>>;
  readonly independent_checks: readonly string[];
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  readonly families: Readonly<Record<string, { readonly file: string; readonly cases: Record<string, CaseEntry> }>>;
}

let parsed: Manifest | undefined;
export const manifest = (): Manifest =>
  (parsed ??= JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as Manifest);

const files = new Map<string, ReadonlyMap<string, Safetensor>>();

/** The tensors of one file, read once; its size and SHA-256 must be those of the manifest. */
export function tensorsOf(file: string): ReadonlyMap<string, Safetensor> {
  let tensors = files.get(file);
  if (!tensors) {
    const bytes = readFileSync(join(directory, file));
    const expected = manifest().files[file];
    const actual = createHash("sha256").update(bytes).digest("hex");
    if (expected && expected.sha256 !== actual)
      throw new Error(`${file}: SHA-256 is ${actual}, not ${expected.sha256}`);
    tensors = parseSafetensors(bytes, file).tensors;
    files.set(file, tensors);
  }
  return tensors;
}

/** One case of a family, with its tensors. */
export class GoldenCase {
  readonly family: string;
  readonly name: string;
  readonly entry: CaseEntry;
  readonly file: string;

  constructor(family: string, name: string) {
    const { file, cases } = manifest().families[family]!;
    this.family = family;
    this.name = name;
    this.entry = cases[name]!;
    this.file = file;
  }

  get config(): Config {
    return this.entry.config ?? {};
  }
  /** Names of the case's tensors, without `prefix`, of those that start with it. */
  names(prefix = ""): string[] {
    const all = Object.keys(this.entry.tensors).filter((name) => name.startsWith(prefix));
    return all.map((name) => name.slice(prefix.length));
  }
  has(name: string): boolean {
    return name in this.entry.tensors;
  }
  tensor(name: string): Safetensor {
    const tensor = tensorsOf(this.file).get(`${this.name}/${name}`);
    if (!tensor) throw new Error(`${this.file} has no tensor ${this.name}/${name}`);
    return tensor;
  }
  f32(name: string): Float32Array {
    const { data, dtype } = this.tensor(name);
    if (!(data instanceof Float32Array)) throw new Error(`${this.name}/${name} is ${dtype}, not F32`);
    return data;
  }
  /** Any numeric tensor as float64. */
  numbers(name: string): Float64Array {
    return Float64Array.from(this.tensor(name).data as Float32Array, Number);
  }
  u8(name: string): Uint8Array {
    const { data, dtype } = this.tensor(name);
    if (!(data instanceof Uint8Array)) throw new Error(`${this.name}/${name} is ${dtype}, not U8`);
    return data;
  }
  number(name: string): number {
    return this.numbers(name)[0]!;
  }
  shape(name: string): readonly number[] {
    return this.tensor(name).shape;
  }
}

export const caseNames = (family: string): string[] => Object.keys(manifest().families[family]?.cases ?? {});

/** The largest value that cases of a family state for one of their sensitivities. */
export function largestSensitivity(family: string, name: string): number {
  const values = Object.values(manifest().families[family]!.cases).map((entry) => entry.sensitivity?.[name] ?? 0);
  return Math.max(...values);
}

/** A group of tests over the cases of a family. */
export function describeFamily(family: string, define: (cases: readonly GoldenCase[]) => void): void {
  describe(`golden ${family}`, () => {
    if (!manifest().families[family]) throw new Error(`${directory}: the manifest has no family "${family}"`);
    define(caseNames(family).map((name) => new GoldenCase(family, name)));
  });
}
