/** Rounding of a replica's change to what int8 carries without loss. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";
import { roundToInt8 } from "../ops/int8-blocks.ts";

/** A rounded copy, the caller's; blocks are counted from the start of the vector. */
export const roundedToInt8 = (values: Tensor1D): Tensor1D =>
  tf.tensor1d(roundToInt8(values.dataSync().slice() as Float32Array));
