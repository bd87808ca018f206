import { map, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import { bitsPerDimOf as bits, type BitsPerDimOptions } from "../likelihood/bits-per-dim.ts";
import { refuseColumn, requireColumns, type Unless } from "./places.ts";

/** @see densityBitsPerDim */
const DISCRETE = "of dequantized data, bitsPerDim gives the bits/dim";

const dimsOf = (batch: Batch<"data">) => floats(batch, "data").data.length / batch.size;

/**
 * Computes bits per dimension of discrete data: -(log p(data) - log q(u | image)) in bits, divided by the number of
 * dimensions, plus the offset of the scaling.
 *
 * It accepts only dequantized batches (with `logQ`). A density on discrete data has no meaning, because a model can
 * make it arbitrarily large.
 *
 * @example
 * ```ts
 * dequantizedDensities.pipe(bitsPerDim({ levels: 256, centered: true }));
 * ```
 * @returns Batches with `bpd`, float32 [].
 * @see Song et al. 2021, Section 6 and equation (11)
 */
export function bitsPerDim<C extends string>(
  options: BitsPerDimOptions,
): OperatorFunction<Batch<C | "data" | "logp" | "logQ">, Batch<NoInfer<C> | "data" | "logp" | "logQ" | "bpd">> {
  return map((batch) => {
    requireColumns("bitsPerDim", batch, "data", "logp", "logQ");
    const dims = dimsOf(batch);
    const logQ = floats(batch, "logQ").data;
    const bpd = floats(batch, "logp").data.map((logp, i) => bits(logp - logQ[i]!, dims, options));
    return withColumns(batch, { bpd: { data: bpd, shape: [] } });
  });
}

/**
 * Computes bits per dimension of continuous data: -log2 p(data) / D.
 *
 * @example
 * ```ts
 * densities.pipe(densityBitsPerDim());
 * ```
 * @returns Batches with `bpd`, float32 []; like a differential entropy, it can be negative.
 * @throws RangeError as a notification for dequantized data, which have cells and an offset: see {@link bitsPerDim}.
 */
export function densityBitsPerDim<C extends string>(): OperatorFunction<
  Batch<C | "data" | "logp">,
  Unless<C, "logQ", typeof DISCRETE, Batch<NoInfer<C> | "data" | "logp" | "bpd">>
> {
  const stage = map((batch: Batch<C | "data" | "logp">) => {
    requireColumns("densityBitsPerDim", batch, "data", "logp");
    refuseColumn("densityBitsPerDim", batch, "logQ", DISCRETE);
    const dims = dimsOf(batch);
    const bpd = floats(batch, "logp").data.map((logp) => -logp / (dims * Math.LN2));
    return withColumns(batch, { bpd: { data: bpd, shape: [] } });
  });
  return stage as OperatorFunction<Batch<C | "data" | "logp">, never>;
}
