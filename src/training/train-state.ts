/**
 * Everything that training changes, on the device: parameters, moments, the average of the parameters, and the step.
 */
import type { Tensor1D } from "@tensorflow/tfjs";
import { UsageError } from "../base/errors.ts";
import { tf } from "../engine/tf.ts";
import { digest, initialParameters, type ParameterLayout } from "../models/parameters.ts";
import type { AdamState } from "./adam.ts";
import type { LossWindow } from "./loss-window.ts";
import { NoiseWindows, type NoiseWindow } from "./noise-window.ts";

/** A state in host memory; all vectors have the length of the layout. */
export interface Snapshot {
  /** Number of updates applied. */
  readonly step: number;
  readonly parameters: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly ema: Float32Array;
  /** Momentum of the outer optimizer of local steps; absent without local steps. */
  readonly outer?: Float32Array;
  /** Further averages by their decay; absent if there are none. */
  readonly averages?: ReadonlyMap<number, Float32Array>;
  /** Sums over the steps since the last log step; absent without `sumWindow`. */
  readonly window?: LossWindow;
  /** Sums of the losses by their noise; absent without them, or if other nodes computed the step. */
  readonly noise?: NoiseWindow;
  /** Number of redraws of steps, see `goBack`; absent if there were none. */
  readonly goneBack?: number;
}

/** Name of a further average in files and between nodes. */
export const averageName = (rate: number) => `ema_${rate}`;

/**
 * Returns the average of a decay, by default the main one.
 *
 * @throws UsageError when the state has none of it.
 */
export function averageOf<T>(
  { ema, averages }: { readonly ema: T; readonly averages?: ReadonlyMap<number, T> },
  rate: number | undefined,
): T {
  const found = rate === undefined ? ema : averages?.get(rate);
  if (found !== undefined) return found;
  const there = [...(averages ?? new Map<number, T>()).keys()].join(", ") || "none";
  throw new UsageError(
    `eval.emaRate: the checkpoint has no average of the decay ${rate}; beside the main one it has: ${there}`,
    "choose one of them, or leave eval.emaRate out",
  );
}

/** A tensor of its own: tfjs hands arrays on until an op runs, and TensorFlow then goes on sharing their memory. */
const upload = (values: Float32Array) => tf.tidy(() => tf.slice1d(tf.tensor1d(values.slice()), 0, values.length));

const uploadAll = (averages: Snapshot["averages"]) =>
  new Map([...(averages ?? [])].map(([rate, values]) => [rate, upload(values)]));

/** The state of training on the device. It owns its tensors; `dispose` frees them. */
export class TrainState {
  readonly layout: ParameterLayout;
  #step: number;
  #adam: AdamState;
  #ema: Tensor1D;
  #outer: Tensor1D | undefined;
  #averages: Map<number, Tensor1D>;
  #evaluated: number | undefined;
  /** Sums over the steps since the last log step, which `sumWindow` updates. */
  window: LossWindow | undefined;
  /** Sums of the losses by their noise, which `lossByNoise` updates. */
  noise: NoiseWindows;
  /** Number of redraws of its steps so far, which `goBack` counts. */
  goneBack = 0;

  constructor(layout: ParameterLayout, snapshot: Snapshot) {
    this.layout = layout;
    this.#step = snapshot.step;
    this.#adam = {
      parameters: upload(snapshot.parameters),
      m: upload(snapshot.m),
      v: upload(snapshot.v),
    };
    this.#ema = upload(snapshot.ema);
    this.#outer = snapshot.outer && upload(snapshot.outer);
    this.#averages = uploadAll(snapshot.averages);
    this.window = snapshot.window;
    this.noise = new NoiseWindows(snapshot.noise);
    this.goneBack = snapshot.goneBack ?? 0;
  }

  /** The state before the first step; the average starts at the parameters. */
  static initial(layout: ParameterLayout, seed: number): TrainState {
    const parameters = initialParameters(layout, seed);
    const zeros = new Float32Array(layout.length);
    return new TrainState(layout, { step: 0, parameters, m: zeros, v: zeros, ema: parameters });
  }

  /** Number of updates applied. */
  get step(): number {
    return this.#step;
  }
  get adam(): AdamState {
    return this.#adam;
  }
  get parameters(): Tensor1D {
    return this.#adam.parameters;
  }
  get ema(): Tensor1D {
    return this.#ema;
  }
  /** The average to evaluate: the main one, unless `evaluate` chose another. */
  get average(): Tensor1D {
    return averageOf<Tensor1D>(this, this.#evaluated);
  }
  /** Further averages by their decay. */
  get averages(): ReadonlyMap<number, Tensor1D> {
    return this.#averages;
  }
  /** Momentum of the outer optimizer, once there is one. */
  get outer(): Tensor1D | undefined {
    return this.#outer;
  }

  /** Takes over the state after one more update and frees the old one. */
  advance(next: AdamState): void {
    tf.dispose({ ...this.#adam });
    this.#adam = next;
    this.#step++;
  }

  /** Sets a missing outer momentum to zero, its first value; without local steps, removes it. */
  useOuter(local: boolean): void {
    if (local) this.#outer ??= tf.zeros([this.layout.length]);
    else this.#outer = void this.#outer?.dispose();
  }

  /** Takes over the state after a round of so many local steps, with the outer momentum, and frees the old one. */
  advanceRound(steps: number, next: AdamState, outer: Tensor1D): void {
    tf.dispose({ ...this.#adam });
    this.#outer?.dispose();
    this.#adam = next;
    this.#outer = outer;
    this.#step += steps;
  }

  /** Takes over another state of the same model and frees the old one. */
  restore(snapshot: Snapshot): void {
    this.dispose();
    this.#step = snapshot.step;
    this.#adam = { parameters: upload(snapshot.parameters), m: upload(snapshot.m), v: upload(snapshot.v) };
    this.#ema = upload(snapshot.ema);
    this.#outer = snapshot.outer && upload(snapshot.outer);
    this.#averages = uploadAll(snapshot.averages);
    this.window = snapshot.window;
    this.noise = new NoiseWindows(snapshot.noise);
    this.goneBack = snapshot.goneBack ?? 0;
  }

  /** Chooses the average to evaluate by its decay. @throws UsageError when the state has none of it. */
  evaluate(rate: number | undefined): void {
    averageOf<Tensor1D>(this, rate);
    this.#evaluated = rate;
  }

  /** Keeps averages with these decays besides the main one; new ones start at its values. */
  keepAverages(rates: readonly number[]): void {
    for (const rate of rates) {
      if (!this.#averages.has(rate)) this.#averages.set(rate, tf.clone(this.#ema));
    }
  }

  /**
   * Keeps averages with these decays alone besides the main one, in this order, like the nodes that train together
   * compare and send them. A checkpoint of another run may have others.
   */
  keepOnlyAverages(rates: readonly number[]): void {
    this.keepAverages(rates);
    const all = this.#averages;
    for (const [rate, average] of all) if (!rates.includes(rate)) average.dispose();
    this.#averages = new Map(rates.map((rate) => [rate, all.get(rate)!]));
  }

  /** Takes over a new further average and frees the old one. */
  setAverage(rate: number, next: Tensor1D): void {
    this.#averages.get(rate)?.dispose();
    this.#averages.set(rate, next);
  }

  /** Takes over a new average and frees the old one. */
  setEma(next: Tensor1D): void {
    this.#ema.dispose();
    this.#ema = next;
  }

  snapshot(): Snapshot {
    const read = (t: Tensor1D) => t.dataSync() as Float32Array;
    const { parameters, m, v } = this.#adam;
    const outer = this.#outer && { outer: read(this.#outer) };
    const averages = new Map([...this.#averages].map(([rate, average]) => [rate, read(average)]));
    const noise = this.noise.at(this.#step);
    return {
      ...{ step: this.#step, parameters: read(parameters), m: read(m), v: read(v), ema: read(this.#ema) },
      ...outer,
      ...(averages.size > 0 && { averages }),
      ...(this.window && { window: this.window }),
      ...(noise && { noise }),
      ...(this.goneBack > 0 && { goneBack: this.goneBack }),
    };
  }

  /** SHA-256 over the parameters. */
  digest(): string {
    return digest(this.layout, this.parameters.dataSync() as Float32Array);
  }

  /** SHA-256 over the averaged parameters to evaluate. */
  averageDigest(): string {
    return digest(this.layout, this.average.dataSync() as Float32Array);
  }

  dispose(): void {
    tf.dispose({ ...this.#adam, ema: this.#ema });
    this.#outer?.dispose();
    for (const average of this.#averages.values()) average.dispose();
  }
}
