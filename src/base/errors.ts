/**
 * Bad usage, configuration or data: the user can put it right. Ends the program with exit code 2.
 *
 * The message names what is wrong (file, field, value); `remedy` says what to do about it.
 */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
  readonly exitCode = 2;
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(`${message}\n  remedy: ${remedy}`, options);
    this.remedy = remedy;
  }
}

/** A failure while running (disk full, loss not finite ...). Ends the program with exit code 1. */
export class RunError extends Error {
  override readonly name: string = "RunError";
  readonly exitCode = 1;
  /** The state is good, and worth being saved. */
  readonly keepsState: boolean = true;
}

/** The loss or the gradient stopped being finite. */
export class NonFiniteLossError extends RunError {
  override readonly name = "NonFiniteLossError";
  readonly step: number;
  readonly loss: number;

  constructor(step: number, loss: number) {
    super(
      `step ${step}: the loss is ${loss}; the state before this step was saved\n  remedy: go on from that checkpoint with ` +
        `--set checkpoint=FILE, another --workdir, and a lower optim.lr, more optim.warmup or optim.gradClip above 0`,
    );
    this.step = step;
    this.loss = loss;
  }
}
