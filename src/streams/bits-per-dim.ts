import { map, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import { bitsPerDimOf as bits, type BitsPerDimOptions } from "../likelihood/bits-per-dim.ts";
import { refuseColumn, requireColumns, type Unless } from "./places.ts";

/** @see densityBitsPerDim */
const DISCRETE = "of dequantized data, bitsPerDim gives the bits/dim";

const dimsOf = (batch: Batch<"data">) => floats(batch, "data").data.length / batch.size;

/**
 * Bits per dimension of discrete data: -(log p(data) - log q(u | image)) in bits over the number of dimensions, with
 * the offset of the scaling.
 *
 * It takes only batches that were dequantized (`logQ`): a density on discrete data says nothing, it can be made as large
 * as one likes.
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
 * Bits per dimension of data that are continuous by nature: -log2 p(data) / D.
 *
 * @example
 * ```ts
 * densities.pipe(densityBitsPerDim());
 * ```
 * @returns Batches with `bpd`, float32 []; it can be negative, as a differential entropy can.
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
