import { defer, retry, tap, throwError, timer, type Observable } from "rxjs";
import { NonFiniteLossError } from "../base/errors.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import type { TrainState } from "../training/train-state.ts";
import type { StepRecord } from "./adam.ts";
import type { Credit } from "./credit.ts";

/** Number of redraws of one step before the training stops. */
export const LIMIT = 5;

/** Options of {@link goBack}. */
export interface GoBackOptions {
  /** "stop": a loss that is not finite ends the training. "back": the step is repeated with new random numbers. */
  readonly onDivergence: "stop" | "back";
  /** Limits the values in flight; those after a repeated step are dropped. */
  readonly credit: Credit;
  /** Batches per step. */
  readonly shards: number;
  /** Receives a message about each divergence, and the number of divergences so far. */
  readonly tell: (event: Extract<RunEvent, { readonly type: "message" | "metric" }>) => void;
  /** First part of the metric's name, default "train". */
  readonly prefix?: string;
}

/** Start of the steps, as options of `trainBatches`. */
export interface StepsFrom {
  /** First step, 0-based. */
  readonly from: number;
  /** Number of times that its random numbers were redrawn. */
  readonly redraw: number;
  readonly credit: Credit;
}

/** Wraps a credit so that all values in flight can be returned at once. */
function lent(credit: Credit) {
  let out = 0;
  let over = false;
  const own: Credit = {
    async take(options) {
      await credit.take(options);
      if (over) credit.give(1);
      else out++;
    },
    give: (count) => credit.give(count),
    refund: (count) => credit.refund(count),
  };
  return {
    credit: own,
    /** Leaves so many values to the later stages, which refund them. */
    passed: (count: number) => void (out -= count),
    end() {
      over = true;
      credit.give(out);
      out = 0;
    },
  };
}

/**
 * Repeats a step whose loss is not finite or too large, from the state before it, with other random numbers.
 *
 * The earlier state is intact, because `adam` changes nothing before it fails. The step keeps its images. Times, noise,
 * dropout and flips use another seed, a function of the run's seed and of the number of redraws. A resumed run
 * therefore produces the same bits. After five redraws of one step in a row, the error ends the training.
 * `state.goneBack` counts all redraws, and checkpoints keep the count.
 *
 * @example
 * ```ts
 * const options = { onDivergence: "back" as const, credit, shards: 1, tell: session.tell };
 * goBack(state, options, (start) =>
 *   trainBatches(examples, "data", { batchSize: 128, shards: 1, seed: 1, to: 1000, ...start }).pipe(
 *     sampleTime(sde, { eps: 1e-5, density: "likelihood", seed: 1 }),
 *     perturb(sde, { seed: 1 }),
 *     scoreMatching(network, sde, state, { weighting: "importance", seed: 1 }),
 *     accumulate(1),
 *     adam(state, { ...context.config.optim, compile: true }),
 *   ),
 * );
 * ```
 * @param steps Builds the stages from the batches to the optimizer, starting at the step of the state.
 * @returns The records of the steps.
 */
export function goBack(
  state: Pick<TrainState, "step" | "goneBack">,
  { onDivergence, credit, shards, tell, prefix = "train" }: GoBackOptions,
  steps: (start: StepsFrom) => Observable<StepRecord>,
): Observable<StepRecord> {
  if (onDivergence === "stop") return defer(() => steps({ from: state.step, redraw: 0, credit }));
  return defer(() => {
    let redraw = 0;
    let loan = lent(credit);
    const again = ({ step, loss, largest }: NonFiniteLossError) => {
      if (redraw === LIMIT) return throwError(() => new NonFiniteLossError(step, loss, { largest, redraws: LIMIT }));
      redraw++;
      const text = `warning: step ${step}: the loss is ${loss}; the step is taken again with other random numbers (${redraw} of ${LIMIT})`;
      tell({ type: "message", text });
      loan.end();
      return timer(0);
    };
    const attempt = defer(() => {
      loan = lent(credit);
      return steps({ from: state.step, redraw, credit: loan.credit });
    });
    return attempt.pipe(
      tap(() => {
        loan.passed(shards);
        if (redraw === 0) return;
        // Counted once the step succeeds, so a state saved between two draws does not include the failed ones.
        state.goneBack += redraw;
        redraw = 0;
        tell({ type: "metric", name: `${prefix}/gone_back`, step: state.step, value: state.goneBack, unit: "1" });
      }),
      retry({
        delay: (error: unknown) => (error instanceof NonFiniteLossError ? again(error) : throwError(() => error)),
      }),
    );
  });
}
