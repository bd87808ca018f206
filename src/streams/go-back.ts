import { defer, retry, tap, throwError, timer, type Observable } from "rxjs";
import { NonFiniteLossError } from "../base/errors.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import type { TrainState } from "../training/train-state.ts";
import type { StepRecord } from "./adam.ts";
import type { Credit } from "./credit.ts";

/** Draws of one step after the first, after which the training stops. */
export const LIMIT = 5;

/** Options of {@link goBack}. */
export interface GoBackOptions {
  /** "stop": a loss that is not finite ends the training. "back": its step is drawn anew. */
  readonly onDivergence: "stop" | "back";
  /** Bounds the values on their way, of which those behind the step are dropped. */
  readonly credit: Credit;
  /** Batches of a step. */
  readonly shards: number;
  /** Receives the line about each divergence, and how many there have been. */
  readonly tell: (event: Extract<RunEvent, { readonly type: "message" | "metric" }>) => void;
  /** First part of the metric's name, default "train". */
  readonly prefix?: string;
}

/** Begin of the steps, as `trainBatches` takes it. */
export interface StepsFrom {
  /** First step, 0-based. */
  readonly from: number;
  /** Times that its random numbers were drawn anew. */
  readonly redraw: number;
  readonly credit: Credit;
}

/** A credit whose values on their way can be given back at once. */
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
    /** So many values are the business of those behind. */
    passed: (count: number) => void (out -= count),
    end() {
      over = true;
      credit.give(out);
      out = 0;
    },
  };
}

/**
 * Takes a step whose loss is not finite, or too large, once more from the state before it, with other random numbers.
 *
 * The state before the step is as good as it was, since `adam` changes nothing before it fails. The images of the step
 * stay the same; times, noise, dropout and flips are drawn by another seed, a function of the run's seed and of how
 * often the step was drawn. So a run that stops and goes on comes to the same bits. After five draws of one step in a row the
 * error ends the training. `state.goneBack` counts all of them, and checkpoints keep the count.
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
 * @param steps Builds the stages from the batches to the optimizer, which begin at the step of the state.
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
        // Counted with the step, so that a state between two draws has not counted the first.
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
