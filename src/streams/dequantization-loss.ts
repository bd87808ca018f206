import { concatMap, type OperatorFunction } from "rxjs";
import type { Tensor1D } from "@tensorflow/tfjs";
import { bytes, createBatch, type Batch } from "../data/batch.ts";
import { bitsPerDimOf } from "../likelihood/bits-per-dim.ts";
import type { DequantizationLoss } from "../models/flowpp/loss.ts";
import { fillNormal, fillUniform, randomKey } from "../base/random.ts";
import type { TrainState } from "../training/train-state.ts";
import { drawTime } from "../sde/draw-time.ts";
import type { SDE } from "../sde/sde.ts";
import { unitImage } from "./dequantize.ts";
import { gradientOf, type Gradient } from "./gradient.ts";
import { seedOf } from "./seed-of.ts";
import { useOnce } from "./use-once.ts";

/** Options of {@link dequantizationLoss}. */
export interface DequantizationLossOptions {
  /** Averaged parameters of the frozen score model. */
  readonly score: Tensor1D;
  /** Smallest diffusion time, in (0, T). */
  readonly eps: number;
  /** Draw times in proportion to g^2 / sigma^2; must match the option that the loss was built with. */
  readonly importance: boolean;
  readonly centered: boolean;
  readonly seed: number;
}

/**
 * Computes the variational dequantization loss of each image, and its gradient with respect to the dequantizer's
 * parameters in `state`.
 *
 * @example
 * ```ts
 * imageBatches.pipe(
 *   dequantizationLoss(dequantizerLoss, sde, state, {
 *     score: scoreParameters,
 *     eps: 1e-5,
 *     importance: true,
 *     centered: true,
 *     seed: 1,
 *   }),
 * );
 * ```
 * @returns One {@link Gradient} per batch, whose `loss` is the bound in bits/dim.
 * @see Song et al. 2021, Section 5.2; the reference's losses.py get_dequantizer_step_fn
 */
export function dequantizationLoss(
  loss: DequantizationLoss,
  sde: SDE,
  state: TrainState,
  { score, eps, importance, centered, seed }: DequantizationLossOptions,
): OperatorFunction<Batch<"image">, Gradient<"shard">> {
  const time = drawTime("dequantizationLoss", sde, { eps, density: importance ? "likelihood" : "uniform" });
  return concatMap((batch) =>
    useOnce(
      async () => {
        const { data } = bytes(batch, "image");
        const { step, shard } = batch.info;
        const drawn = seedOf(seed, batch.info);
        const normal = (purpose: string) => {
          const noise = new Float32Array(data.length);
          fillNormal(randomKey(drawn, purpose, step, shard), noise);
          return noise;
        };
        const t = new Float32Array(batch.size);
        fillUniform(randomKey(drawn, "dequantizer time", step, shard), t);
        const draws = {
          t: t.map(time),
          image: unitImage(data),
          noise: normal("dequantizer"),
          priorNoise: normal("dequantizer prior"),
          timeNoise: normal("dequantizer noise"),
          offsetNoise: normal("dequantizer offset"),
        };
        const { losses, gradient } = await loss.lossAndGradient(state.parameters, score, draws);
        return { t: draws.t, losses, gradient, dispose: () => gradient.dispose() };
      },
      ({ t, losses, gradient }) => {
        const dims = bytes(batch, "image").data.length / batch.size;
        const bpd = losses.map((nats) => bitsPerDimOf(-nats, dims, { levels: 256, centered }));
        const columns = { t: { data: t, shape: [] }, loss: { data: bpd, shape: [] } };
        return gradientOf("shard", createBatch(columns, batch.info), gradient);
      },
    ),
  );
}
