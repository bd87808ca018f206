import { map, type OperatorFunction } from "rxjs";
import { bytes, withColumns, withoutColumns, type Batch } from "../data/batch.ts";
import { fillNormal, fillUniform, randomKey } from "../base/random.ts";

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
}

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
 * @param kind "uniform": u ~ U[0, 1), log q = 0. "variational": u ~ q(u | image) of a trained dequantizer. "none":
 *   image / 255, for training on the grid as the reference's default does; it gives no `logQ`, so no bits/dim can be
 *   computed from it.
 * @returns Batches with `data` (float32 [H, W, C]) and, if dequantized, `logQ` (nats, float32 []), in place of `image`:
 *   an augmentation of the bytes belongs before this stage, since behind it nothing would come of it.
 * @throws RangeError for "variational" without `draw`.
 * @see Song et al. 2021, Section 5.2; the reference's datasets.py: (u + 255 img) / 256 of img in [0, 1]
 */
export function dequantize<C extends string>(
  kind: "uniform" | "variational",
  options: DequantizeOptions,
): OperatorFunction<Batch<C | "image">, Batch<NoInfer<Exclude<C, "image">> | "data" | "logQ">>;
export function dequantize<C extends string>(
  kind: "none" | "uniform" | "variational",
  options: DequantizeOptions,
): OperatorFunction<Batch<C | "image">, Batch<NoInfer<Exclude<C, "image">> | "data">>;
export function dequantize<C extends string>(
  kind: "none" | "uniform" | "variational",
  { seed, centered, draw }: DequantizeOptions,
): OperatorFunction<Batch<C | "image">, Batch<NoInfer<Exclude<C, "image">> | "data">> {
  if (kind === "variational" && !draw) throw new RangeError('dequantize: the kind "variational" needs draw');
  return map((batch) => {
    const { data: image, shape } = bytes(batch, "image");
    const rest = withoutColumns<C | "image", "image">(batch, "image");
    if (kind === "none") return withColumns(rest, { data: { data: onGrid(image, centered), shape } });
    const key = randomKey(seed, "dequantize", batch.info.step, batch.info.shard);
    const noise = new Float32Array(image.length);
    let u: Float32Array = noise;
    let logQ = new Float32Array(batch.size);
    if (kind === "variational") {
      fillNormal(key, noise);
      const drawn = draw!(noise, unitImage(image));
      u = drawn.u;
      logQ = Float32Array.from(drawn.negLogQ, (value) => -value);
    } else fillUniform(key, noise);
    const data = withNoise(image, u, centered);
    return withColumns(rest, { data: { data, shape }, logQ: { data: logQ, shape: [] } });
  });
}
