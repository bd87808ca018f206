/** Declares a network's parameters under the reference's (flax) names, and initializes them. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { fillNormal, fillUniform, randomKey } from "../base/random.ts";

/** The initial distribution of a parameter. */
export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  /** U(-sqrt(3 scale / n), +...), n the mean of fan in and fan out; scale 0 becomes 1e-10, as in the reference. */
  | { readonly kind: "fanAverage"; readonly scale: number }
  | { readonly kind: "normal"; readonly std: number };

/** A parameter of a network: its name, shape and initial values. */
export interface ParameterSpec {
  /** The reference's name: flax path joined by "/". */
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Initializer;
}

/** Inputs that every layer receives at run time. */
export interface Context {
  readonly parameters: Readonly<Record<string, Tensor>>;
  /** int32 [2]; present in training, where it determines the dropout masks. */
  readonly dropoutSeed?: Tensor1D | undefined;
}

/** Reads a parameter at run time. */
export type Parameter<T extends Tensor = Tensor> = (context: Context) => T;

/** A node of the module tree. It numbers its children like flax: `Conv_0`, `Conv_1`, ... */
export class Scope {
  readonly #path: string;
  readonly #specs: ParameterSpec[];
  readonly #counts = new Map<string, number>();
  readonly #streams: { count: number };

  private constructor(path: string, specs: ParameterSpec[], streams: { count: number }) {
    this.#path = path;
    this.#specs = specs;
    this.#streams = streams;
  }

  static root(): Scope {
    return new Scope("", [], { count: 0 });
  }

  child(className: string): Scope {
    const index = this.#counts.get(className) ?? 0;
    this.#counts.set(className, index + 1);
    return new Scope(`${this.#path}${className}_${index}/`, this.#specs, this.#streams);
  }

  parameter<T extends Tensor>(name: string, shape: readonly number[], init: Initializer): Parameter<T> {
    const path = this.#path + name;
    this.#specs.push({ name: path, shape, init });
    return (context) => {
      const value = context.parameters[path];
      if (!value) throw new RangeError(`parameter "${path}" is missing`);
      return value as T;
    };
  }

  /** Returns a number that no other layer has, as a key for random numbers. */
  stream(): number {
    return this.#streams.count++;
  }

  /** Returns all parameters declared so far, sorted by name as in jax. */
  specs(): ParameterSpec[] {
    return [...this.#specs].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** Returns the initial values of one parameter, a function of (seed, name) only. */
export function initialize({ name, shape, init }: ParameterSpec, seed: number): Float32Array {
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const key = randomKey(seed, "init", name);
  switch (init.kind) {
    case "zeros":
      return out;
    case "ones":
      return out.fill(1);
    case "normal":
      fillNormal(key, out);
      return out.map((v) => v * init.std);
    case "fanAverage": {
      const [fanIn, fanOut] = shape.slice(-2) as [number, number];
      const field = shape.slice(0, -2).reduce((a, b) => a * b, 1);
      const limit = Math.sqrt((3 * (init.scale || 1e-10)) / ((field * (fanIn + fanOut)) / 2));
      fillUniform(key, out);
      return out.map((u) => (2 * u - 1) * limit);
    }
  }
}
