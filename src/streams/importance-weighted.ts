import { concat, concatMap, map, of, toArray, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";

/** Computes -log2 of the mean of 2^(-dims b) over the samples b, divided by dims, without overflow. */
function weighted(samples: readonly number[], dims: number): number {
  const best = Math.min(...samples);
  const mean = samples.reduce((sum, bits) => sum + 2 ** (dims * (best - bits)), 0) / samples.length;
  return best - Math.log2(mean) / dims;
}

/**
 * Computes the importance-weighted bound: it averages P, instead of bits/dim, over several draws of the dequantization
 * noise. With more draws, the bound falls towards the bits/dim of the pixel's whole cell.
 *
 * For all draws of an image, `measure` must use the same other random numbers, such as Hutchinson's. If they differ
 * between draws, the result is too small.
 *
 * @example
 * ```ts
 * imageBatches.pipe(
 *   importanceWeighted(20, (sample) =>
 *     pipe(
 *       dequantize<"image">("uniform", { seed: 1, centered: true, sample }),
 *       logLikelihood<"logQ">(score, sde, { eps: 1e-5, rtol: 1e-5, atol: 1e-5, hutchinson: "rademacher", seed: 1 }),
 *       bitsPerDim({ levels: 256, centered: true }),
 *     ),
 *   ),
 * );
 * ```
 * @param samples Draws per image; with 1 the result is that of `measure`.
 * @param measure Returns the operator that measures with the draw of this index, counted from 0.
 * @returns Batches with `bpd` of the mean and, if `measure` reports them, the `evaluations` of all draws.
 * @throws RangeError when the number of samples is not a positive integer.
 * @see Burda et al. 2016, Importance Weighted Autoencoders; Zheng et al. 2023, i-DODE, Section 4.3
 */
export function importanceWeighted<C extends string>(
  samples: number,
  measure: (sample: number) => OperatorFunction<Batch<C>, Batch<"data" | "bpd">>,
): OperatorFunction<Batch<C>, Batch<"data" | "bpd">> {
  if (!Number.isInteger(samples) || samples < 1) {
    throw new RangeError(`importanceWeighted: samples must be a positive integer, got ${samples}`);
  }
  if (samples === 1) return measure(0);
  const measures = Array.from({ length: samples }, (_, sample) => measure(sample));
  return concatMap((batch) =>
    concat(...measures.map((one) => of(batch).pipe(one))).pipe(
      toArray(),
      map((all) => combined(all as [Batch<"data" | "bpd">])),
    ),
  );
}

function combined(all: readonly [Batch<"data" | "bpd">, ...Batch<"data" | "bpd">[]]): Batch<"data" | "bpd"> {
  const [first] = all;
  const dims = floats(first, "data").data.length / first.size;
  const columns = all.map((batch) => floats(batch, "bpd").data);
  const bpd = Float32Array.from({ length: first.size }, (_, i) => weighted(columns.map((one) => one[i]!), dims)); // prettier-ignore
  const out = withColumns(first, { bpd: { data: bpd, shape: [] } });
  if (!first.record.schema.fields.some(({ name }) => name === "evaluations")) return out;
  const counts = (all as readonly Batch<string>[]).map((batch) => floats(batch, "evaluations").data);
  const evaluations = Float32Array.from(bpd, (_, i) => counts.reduce((sum, one) => sum + one[i]!, 0));
  return withColumns(out, { evaluations: { data: evaluations, shape: [] } });
}
