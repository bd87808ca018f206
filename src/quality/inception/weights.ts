/** The weights of a safetensors file by name, each convolution's batch norm folded into it. */
import type { Safetensor, SafetensorFile } from "../../data/formats/safetensors.ts";
import { UsageError } from "../../base/errors.ts";
import { andMore } from "../../base/lists.ts";

/** Epsilon of torchvision's `BasicConv2d`. */
const EPS = 1e-3;

const REMEDY = "give the weights of pytorch-fid's FID Inception (release fid_weights), see docs/guide/evaluation.md";

export interface FoldedConv {
  /** Channels that come out. */
  readonly channels: number;
  /** Places in {@link FoldedWeights.arrays}: kernel [h, w, C, O] and bias [O]. */
  readonly kernel: number;
  readonly bias: number;
}

export interface FoldedArray {
  readonly shape: number[];
  readonly data: Float32Array;
}

/** Takes weights out of a file, in the order of the layers, and keeps what the network computes with. */
export class FoldedWeights {
  readonly arrays: FoldedArray[] = [];
  readonly #file: SafetensorFile;
  readonly #path: string;
  readonly #used = new Set<string>();

  /** @param path Named in errors. */
  constructor(file: SafetensorFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** A float tensor. @throws UsageError when it is missing, or its shape is not `expected` (-1: any size). */
  #floats(name: string, expected: readonly number[]): Safetensor & { readonly data: Float32Array | Float64Array } {
    const found = this.#file.tensors.get(name);
    const wanted = `[${expected.map((size) => (size < 0 ? "any" : size)).join(", ")}]`;
    if (!found) throw new UsageError(`${this.#path}: tensor "${name}" of shape ${wanted} is missing`, REMEDY);
    this.#used.add(name);
    const { shape, data, dtype } = found;
    const fits = shape.length === expected.length && shape.every((n, i) => n > 0 && [n, -1].includes(expected[i]!));
    if (fits && (data instanceof Float32Array || data instanceof Float64Array)) return { ...found, data };
    const what = `tensor "${name}" is ${dtype} [${shape.join(", ")}]`;
    throw new UsageError(`${this.#path}: ${what}, expected F32 ${wanted}`, REMEDY);
  }

  #keep(shape: number[], data: Float32Array): number {
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new UsageError(`${this.#path}: a weight is ${data[bad]}`, "get the file again");
    return this.arrays.push({ shape, data }) - 1;
  }

  /**
   * `NAME.conv.weight` [O, C, h, w] times the scale of `NAME.bn`, and the shift that is left as a bias.
   *
   * @throws UsageError when a tensor is missing or has another shape.
   */
  conv(name: string, [h, w]: readonly [number, number], C: number): FoldedConv {
    const weight = this.#floats(`${name}.conv.weight`, [-1, C, h, w]);
    const O = weight.shape[0]!;
    const norm = (part: string) => this.#floats(`${name}.bn.${part}`, [O]).data;
    const [gamma, beta, mean, variance] = [norm("weight"), norm("bias"), norm("running_mean"), norm("running_var")];
    const scale = Float64Array.from(gamma, (g, o) => g / Math.sqrt(variance[o]! + EPS));
    const kernel = new Float32Array(weight.data.length);
    for (let o = 0; o < O; o++) {
      for (let c = 0; c < C; c++) {
        for (let at = 0; at < h * w; at++) {
          kernel[(at * C + c) * O + o] = weight.data[(o * C + c) * h * w + at]! * scale[o]!;
        }
      }
    }
    const bias = Float32Array.from(beta, (shift, o) => shift - mean[o]! * scale[o]!);
    return { channels: O, kernel: this.#keep([h, w, C, O], kernel), bias: this.#keep([O], bias) };
  }

  /** `NAME.weight` [classes, C] as the place of [C, classes]. @throws UsageError as {@link conv}. */
  dense(name: string, C: number): { readonly classes: number; readonly weight: number } {
    const { data, shape } = this.#floats(`${name}.weight`, [-1, C]);
    const classes = shape[0]!;
    const weight = new Float32Array(data.length);
    for (let k = 0; k < classes; k++) for (let c = 0; c < C; c++) weight[c * classes + k] = data[k * C + c]!;
    return { classes, weight: this.#keep([C, classes], weight) };
  }

  /** @throws UsageError when the file has tensors that the network does not: it is of another one. */
  requireNoMore(): void {
    const idle = (name: string) => name === "fc.bias" || name.endsWith(".bn.num_batches_tracked");
    const more = [...this.#file.tensors.keys()].filter((name) => !this.#used.has(name) && !idle(name));
    if (more.length === 0) return;
    const which = `tensor "${more[0]}"${andMore(more.length - 1)}`;
    throw new UsageError(
      `${this.#path}: ${which} does not belong to the FID's Inception: this is another network`,
      REMEDY,
    );
  }
}
