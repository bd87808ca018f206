import { map, type OperatorFunction } from "rxjs";
import { bytes, withColumns, withoutColumns, type Batch } from "../data/batch.ts";
import { fillNormal, fillUniform, randomKey, type Key } from "../base/random.ts";
import { fillTruncatedNormal, normalMass } from "../base/truncated-normal.ts";
import { cellWidth } from "../likelihood/cells.ts";
import { requireColumns } from "./places.ts";
import { seedOf } from "./seed-of.ts";

/**
 * Draws from the variational dequantizer.
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
  /** Data in [-1, 1] rather than [0, 1], the reference's `centered`. */
  readonly centered: boolean;
  /** Needed for "variational". */
  readonly draw?: DequantizationNoise | undefined;
  /** Needed for "truncated": mean coefficient and deviation of the SDE at the smallest time. */
  readonly at?: NoiseAt | undefined;
  /** Number of the draw for an image, for several of them; default 0. */
  readonly sample?: number;
}

/** Noise at a time: data are alpha x + sigma z. */
export interface NoiseAt {
  readonly alpha: number;
  readonly sigma: number;
}

/**
 * Noise on bytes. "uniform": u ~ U[0, 1), log q = 0. "variational": u ~ q(u | image) of a trained dequantizer.
 * "truncated": alpha c + sigma z with c the middle of the cell and z standard normal, cut to the cell; these are data at
 * the smallest time, as the model without further training has them there. "middle": the middle of the cell, for
 * training without noise and for the bound on discrete data. "none": image / 255, the grid of the reference's default.
 */
export type DequantizationKind = "none" | "uniform" | "variational" | "truncated" | "middle";

/** Kinds that bits/dim can be computed from. */
export type DensityKind = Exclude<DequantizationKind, "none">;

/** (image + u) / 256, in [-1, 1] when centred. */
function withNoise(image: Uint8Array, u: Float32Array, centered: boolean): Float32Array {
  const [scale, shift] = centered ? [2, 1] : [1, 0];
  const data = new Float32Array(image.length);
  for (let i = 0; i < data.length; i++) data[i] = ((image[i]! + u[i]!) / 256) * scale - shift;
  return data;
}

// Loops here: `Float32Array.from` with a function takes twenty times as long.

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

/** The middle of each cell; that of a point counts as 1 by units of the data. */
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

/** Uniform noise, or that of a dequantizer. */
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
 * Turns bytes into densities: (image + u) / 256, where u is what the kind says, then centred if asked.
 *
 * Without dequantization the data are discrete and a density on them can be made as large as one likes, so bits/dim
 * need it; `logQ` is what the noise adds to log p(image) >= E[log p(data) - log q(u | image)].
 *
 * @example
 * ```ts
 * imageBatches.pipe(dequantize("uniform", { seed: 1, centered: true }));
 * ```
 * @param kind Noise, see {@link DequantizationKind}; "none" gives no `logQ`, so no bits/dim can be computed from it.
 * @returns Batches with `data` (float32 [H, W, C]) and, if dequantized, `logQ` (nats, float32 []), in place of `image`:
 *   an augmentation of the bytes belongs before this stage, since behind it nothing would come of it.
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
    // The first draw has the numbers of a single one.
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
