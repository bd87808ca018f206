/** Sums of a training over the steps since its last log step, kept with the state: a run that goes on averages over them, too. */

/** Sums up to a step. */
export interface LossWindow {
  /** Optimizer steps behind it. */
  readonly step: number;
  /** Steps, or rounds of local steps, that were summed. */
  readonly count: number;
  /** Sum of the losses. */
  readonly loss: number;
  /** Sum of the gradients' norms. */
  readonly gradNorm: number;
  /** Learning rate of the last step. */
  readonly learningRate: number;
}

/** Which steps have metrics. */
export interface LogSteps {
  /** Steps of the whole training; the last one has metrics, too. */
  readonly steps: number;
  /** Steps between metrics. */
  readonly every: number;
  /** Steps behind each value, default 1: a round of local steps. */
  readonly stride?: number;
}

/** True when a value with so many steps behind it has metrics. */
export const isLogStep = (step: number, { steps, every, stride = 1 }: LogSteps): boolean =>
  Math.floor(step / every) > Math.floor((step - stride) / every) || step === steps;

/** The sums with one more value; after a log step they begin anew. */
export function nextWindow(
  before: LossWindow | undefined,
  value: Omit<LossWindow, "count">,
  log: LogSteps,
): LossWindow {
  const { count, loss, gradNorm } =
    before && !isLogStep(before.step, log) ? before : { count: 0, loss: 0, gradNorm: 0 };
  return { ...value, count: count + 1, loss: loss + value.loss, gradNorm: gradNorm + value.gradNorm };
}

/** The sums in a checkpoint of a step; undefined where it has none. */
export function parseWindow(value: unknown, step: number): LossWindow | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { count, loss, gradNorm, learningRate } = value as Record<keyof LossWindow, unknown>;
  const all = [count, loss, gradNorm, learningRate];
  if (!all.every((one) => typeof one === "number" && Number.isFinite(one))) return undefined;
  return { step, count, loss, gradNorm, learningRate } as LossWindow;
}
