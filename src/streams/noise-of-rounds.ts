import { defer, identity, tap, type MonoTypeOperatorFunction } from "rxjs";
import type { TrainState } from "../training/train-state.ts";
import { isLogStep } from "../training/loss-window.ts";
import type { SDE } from "../sde/sde.ts";
import type { StepRecord } from "./adam.ts";
import type { Gradient } from "./gradient.ts";
import { curvesByNoise, type LossByNoiseOptions, type CurvesByNoise } from "./curves-by-noise.ts";

/** Options of {@link noiseOfRounds}. */
export interface NoiseOfRoundsOptions extends LossByNoiseOptions {
  /** Steps per round. */
  readonly rounds: number;
  /** The state that all replicas share; it keeps the sums. */
  readonly state: Pick<TrainState, "step" | "noise">;
  /** Returns the round of the running replica; it does not count once it is given up. Default: all rounds count. */
  readonly round?: () => { readonly givenUp: boolean };
}

/** A round of a replica, and its losses. */
interface Round {
  readonly curves: CurvesByNoise;
  readonly of: { readonly givenUp: boolean } | undefined;
}

/** The two stages of {@link noiseOfRounds}. */
export interface NoiseOfRounds {
  /** Put this among a replica's steps, after `accumulate`. */
  readonly inRound: MonoTypeOperatorFunction<Gradient<"step">>;
  /** Put this after `localSteps`. */
  readonly afterRound: MonoTypeOperatorFunction<StepRecord>;
}

/**
 * Reports to `meter` how the loss depends on the noise, like `lossByNoise`, for rounds of local steps.
 *
 * The steps of a replica count only when its round is complete, and enter the common state at the end of the round.
 * Steps that were given up do not count, and checkpoints include the sums. A node reads the replicas that it computes.
 *
 * @example
 * ```ts
 * const options = { meter, bins: 12, every: 100, weighting: "importance" as const, eps: 1e-5, state, rounds: 50 };
 * const { inRound, afterRound } = noiseOfRounds(sde, options);
 * ```
 * @throws RangeError when `bins` or `every` is not a whole number.
 */
export function noiseOfRounds(sde: SDE, options: NoiseOfRoundsOptions): NoiseOfRounds {
  const { bins, every, rounds, state, round } = options;
  const { curvesOf, sumsOf, read, report } = curvesByNoise("noiseOfRounds", sde, options);
  if (bins === 0) return { inRound: identity, afterRound: identity };
  const log = { steps: Infinity, every, stride: rounds };
  let current: Round | undefined;
  let whole: Round[] = [];
  const inRound = tap<Gradient<"step">>(({ batch }) => {
    const { step } = batch.info;
    if (step % rounds === 0) current = { curves: curvesOf(), of: round?.() };
    if (!current) return;
    read(current.curves, batch);
    if ((step + 1) % rounds === 0) whole.push(current);
  });
  const afterRound: MonoTypeOperatorFunction<StepRecord> = (source) =>
    defer(() => {
      [current, whole] = [undefined, []];
      const behind = state.noise.at(state.step);
      // The interrupted run may have ended before it wrote them.
      if (behind && isLogStep(behind.step, log)) report(curvesOf(behind), behind.step);
      return source.pipe(
        tap(({ info }) => {
          const step = info.step + 1;
          const before = step - rounds;
          const curves = curvesOf(isLogStep(before, log) ? undefined : state.noise.at(before));
          const counted = whole.filter(({ of }) => !of?.givenUp);
          for (const { curves: own } of counted) curves.forEach((curve, i) => curve.addAll(own[i]!.sums()));
          whole = [];
          state.noise.add({ step, ...sumsOf(curves) });
          if (isLogStep(step, log)) report(curves, step);
        }),
      );
    });
  return { inRound, afterRound };
}
