import { asInstalled } from "./commands.ts";

/**
 * Bad usage, configuration or data, which the user can correct. Ends the program with exit code 2.
 *
 * The message names the fault (file, field, value); `remedy` tells the user what to do.
 */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
  readonly exitCode = 2;
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    const inWords = asInstalled(remedy);
    super(`${message}\n  remedy: ${inWords}`, options);
    this.remedy = inWords;
  }
}

/** A failure while running (disk full, loss not finite ...). Ends the program with exit code 1. */
export class RunError extends Error {
  override readonly name: string = "RunError";
  readonly exitCode = 1;
  /** True if the state is intact and worth saving. */
  readonly keepsState: boolean = true;
}

/** The bounds of a loss, besides being finite. */
export interface LossBounds {
  /** Largest allowed loss. */
  readonly largest?: number | undefined;
  /** Number of redraws of the step. */
  readonly redraws?: number;
}

/** The loss or the gradient stopped being finite, or the loss exceeds `training.largestLoss`. */
export class NonFiniteLossError extends RunError {
  override readonly name = "NonFiniteLossError";
  readonly step: number;
  readonly loss: number;
  /** Largest allowed loss. */
  readonly largest: number | undefined;

  constructor(step: number, loss: number, { largest, redraws = 0 }: LossBounds = {}) {
    const above = Number.isFinite(loss) && largest !== undefined ? `, above training.largestLoss=${largest}` : "";
    const again = redraws === 0 ? "" : `, also with ${redraws} other draws of its random numbers`;
    const saved = step === 0 ? "no step was taken that could be saved" : "the state before this step was saved";
    const or = redraws === 0 ? "take the step again with --set training.onDivergence=back, or " : "";
    const from = step === 0 ? "start in" : "go on from that checkpoint with --set checkpoint=FILE,";
    super(
      `step ${step}: the loss is ${loss}${above}${again}; ${saved}\n  remedy: ${or}${from} another --workdir, ` +
        `and a lower optim.lr, more optim.warmup or optim.gradClip above 0`,
    );
    this.step = step;
    this.loss = loss;
    this.largest = largest;
  }
}
