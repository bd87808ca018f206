/** Learning rate as a function of the step. */
export interface ScheduleOptions {
  /** Learning rate after warmup. */
  readonly lr: number;
  /** Steps of linear growth from rate 0, which the first update has, as in the reference. 0 turns warmup off. */
  readonly warmup: number;
  /** "constant" is the released code; "linear" the paper's text: down to `finalLr` over `decaySteps`, then constant. */
  readonly schedule: "constant" | "linear";
  readonly finalLr: number;
  readonly decaySteps: number;
}

/**
 * Learning rate of the 0-based `step`.
 *
 * @see the reference's losses.py optimization_manager; Section 6 of the paper for "linear"
 */
export function learningRate(step: number, options: ScheduleOptions): number {
  const { lr, warmup, schedule, finalLr, decaySteps } = options;
  const base = schedule === "constant" ? lr : lr + (finalLr - lr) * Math.min(step / decaySteps, 1);
  return warmup > 0 ? base * Math.min(step / warmup, 1) : base;
}
