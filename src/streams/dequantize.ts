import { map, type OperatorFunction } from "rxjs";
import { bytes, withColumns, withoutColumns, type Batch } from "../data/batch.ts";
import { fillNormal, fillUniform, randomKey, type Key } from "../base/random.ts";
import { fillTruncatedNormal, normalMass } from "../base/truncated-normal.ts";
import { cellWidth } from "../likelihood/cells.ts";
import { requireColumns } from "./places.ts";
import { seedOf } from "./seed-of.ts";

/**
 * Draws noise from the variational dequantizer.
 *
 * @param noise Standard normal, [B, H, W, C].
 * @param image Pixels divided by 255, [B, H, W, C].
 * @returns u ~ q(u | image) in [0, 1], [B, H, W, C], and -log q(u | image) in nats, [B].
 */
export type DequantizationNoise = (
  noise: Float32Array,
  image: Float32Array,
) => { readonly u: Float32Array; readonly negLogQ: Float32Array };

/** Options of {@link dequantize}. */
export interface DequantizeOptions {
  readonly seed: number;
  /** Scale data to [-1, 1] instead of [0, 1]; the reference's `centered`. */
  readonly centered: boolean;
  /** Needed for "variational". */
  readonly draw?: DequantizationNoise | undefined;
  /** Needed for "truncated": mean coefficient and standard deviation of the SDE at the smallest time. */
  readonly at?: NoiseAt | undefined;
  /** Index of the draw, if an image is drawn several times; default 0. */
  readonly sample?: number;
}

/** Noise of the SDE at one time: data are alpha x + sigma z. */
export interface NoiseAt {
  readonly alpha: number;
  readonly sigma: number;
}

/**
 * Noise on bytes. "uniform": u ~ U[0, 1), log q = 0. "variational": u ~ q(u | image) of a trained dequantizer.
 * "truncated": alpha c + sigma z with c the middle of the cell and z standard normal, cut to the cell. These are data
 * at the smallest time, which the model knows without further training. "middle": the middle of the cell, for training
 * without noise and for the bound on discrete data. "none": image / 255, the grid of the reference's default.
 */
export type DequantizationKind = "none" | "uniform" | "variational" | "truncated" | "middle";

/** Kinds of noise from which bits/dim can be computed. */
export type DensityKind = Exclude<DequantizationKind, "none">;

/** (image + u) / 256, in [-1, 1] when centred. */
function withNoise(image: Uint8Array, u: Float32Array, centered: boolean): Float32Array {
  const [scale, shift] = centered ? [2, 1] : [1, 0];
  const data = new Float32Array(image.length);
  for (let i = 0; i < data.length; i++) data[i] = ((image[i]! + u[i]!) / 256) * scale - shift;
  return data;
}

// Written as loops, because `Float32Array.from` with a function takes twenty times as long.

/** image / 255, in [-1, 1] when centred. */
function onGrid(image: Uint8Array, centered: boolean): Float32Array {
  const [scale, shift] = centered ? [2, 1] : [1, 0];
  const data = new Float32Array(image.length);
  for (let i = 0; i < data.length; i++) data[i] = (image[i]! / 255) * scale - shift;
  return data;
}

/** Pixels divided by 255. */
export const unitImage = (image: Uint8Array): Float32Array => onGrid(image, false);

/** Data and log q of each image. */
interface Noisy {
  readonly data: Float32Array;
  readonly logQ: Float32Array;
}

type Place = Pick<Batch, "size" | "info">;

/** Returns the middle of each cell. A point has q = 1 in units of the data. */
function atMiddle(image: Uint8Array, { size }: Place, centered: boolean): Noisy {
  const width = Math.log(cellWidth({ levels: 256, centered }));
  return {
    data: withNoise(image, new Float32Array(image.length).fill(0.5), centered),
    logQ: new Float32Array(size).fill((image.length / size) * width),
  };
}

/** alpha c + sigma z, cut to the cell. */
function truncated(image: Uint8Array, place: Place, keyOf: (attempt: number) => Key, centered: boolean, at: NoiseAt) {
  const { alpha, sigma } = at;
  const width = cellWidth({ levels: 256, centered });
  const limit = (alpha * width) / 2 / sigma;
  const z = new Float32Array(image.length);
  fillTruncatedNormal(keyOf, limit, z);
  const { data, logQ } = atMiddle(image, place, centered);
  const dims = image.length / place.size;
  const constant = -Math.log(normalMass(limit) * sigma * Math.sqrt(2 * Math.PI));
  for (let b = 0; b < place.size; b++) {
    let squares = 0;
    for (let i = b * dims; i < (b + 1) * dims; i++) {
      squares += z[i]! ** 2;
      data[i] = alpha * data[i]! + sigma * z[i]!;
    }
    logQ[b]! += dims * constant - 0.5 * squares;
  }
  return { data, logQ };
}

/** Draws uniform noise, or the noise of a dequantizer. */
function inCell(image: Uint8Array, { size }: Place, key: Key, centered: boolean, draw?: DequantizationNoise): Noisy {
  const noise = new Float32Array(image.length);
  if (!draw) {
    fillUniform(key, noise);
    return { data: withNoise(image, noise, centered), logQ: new Float32Array(size) };
  }
  fillNormal(key, noise);
  const { u, negLogQ } = draw(noise, unitImage(image));
  return { data: withNoise(image, u, centered), logQ: Float32Array.from(negLogQ, (value) => -value) };
}

/**
 * Turns bytes into continuous data: (image + u) / 256, with u drawn by the given kind of noise, and centred if
 * `centered` is set.
 *
 * Bits/dim need dequantization: on discrete data, a model can make its density arbitrarily large. `logQ` is the noise
 * term in log p(image) >= E[log p(data) - log q(u | image)].
 *
 * @example
 * ```ts
 * imageBatches.pipe(dequantize("uniform", { seed: 1, centered: true }));
 * ```
 * @param kind Kind of noise, see {@link DequantizationKind}. "none" gives no `logQ`, so bits/dim cannot be computed.
 * @returns Batches with `data` (float32 [H, W, C]) and, if dequantized, `logQ` (nats, float32 []), in place of `image`.
 *   Put an augmentation of the bytes before this stage; after it, it would have no effect.
 * @throws RangeError for "variational" without `draw`, or "truncated" without `at`.
 * @see Song et al. 2021, Section 5.2; the reference's datasets.py: (u + 255 img) / 256 of img in [0, 1]; Zheng et al.
 *   2023, i-DODE, Section 4.2, for "truncated"
 */
export function dequantize<C extends string>(
  kind: DensityKind,
  options: DequantizeOptions,
): OperatorFunction<Batch<C | "image">, Batch<NoInfer<Exclude<C, "image">> | "data" | "logQ">>;
export function dequantize<C extends string>(
  kind: DequantizationKind,
  options: DequantizeOptions,
): OperatorFunction<Batch<C | "image">, Batch<NoInfer<Exclude<C, "image">> | "data">>;
export function dequantize<C extends string>(
  kind: DequantizationKind,
  { seed, centered, draw, at, sample = 0 }: DequantizeOptions,
): OperatorFunction<Batch<C | "image">, Batch<NoInfer<Exclude<C, "image">> | "data">> {
  if (kind === "variational" && !draw) throw new RangeError('dequantize: the kind "variational" needs draw');
  if (kind === "truncated" && !at) throw new RangeError('dequantize: the kind "truncated" needs at');
  const noisy = (image: Uint8Array, place: Place): Noisy => {
    const { step, shard } = place.info;
    const drawn = seedOf(seed, place.info);
    // The first draw has the same numbers as a single draw.
    const further = sample > 0 ? ["sample", sample] : [];
    const key = (...attempt: number[]) => randomKey(drawn, "dequantize", step, shard, ...further, ...attempt);
    if (kind === "middle") return atMiddle(image, place, centered);
    if (kind === "truncated") return truncated(image, place, key, centered, at!);
    return inCell(image, place, key(), centered, kind === "variational" ? draw : undefined);
  };
  return map((batch) => {
    requireColumns("dequantize", batch, "image");
    const { data: image, shape } = bytes(batch, "image");
    const rest = withoutColumns<C | "image", "image">(batch, "image");
    if (kind === "none") return withColumns(rest, { data: { data: onGrid(image, centered), shape } });
    const { data, logQ } = noisy(image, batch);
    return withColumns(rest, { data: { data, shape }, logQ: { data: logQ, shape: [] } });
  });
}
