/** The parts of a run that a pipeline builds. */
import { throwError, type Observable } from "rxjs";
import { UsageError } from "../base/errors.ts";
import type { Mode, RunEvent } from "./pipeline.ts";

/** The parts of a run, from which its mode selects; each begins when the last one has completed. */
export interface RunPhases {
  readonly train: () => Observable<RunEvent>;
  /** Absent: the pipeline evaluates nothing, and the time left of a run has no evaluation. */
  readonly evaluate?: () => Observable<RunEvent>;
  /** Absent: the pipeline draws nothing. */
  readonly sample?: () => Observable<RunEvent>;
  /** Trains the dequantizer with the score model fixed. */
  readonly trainDequantizer?: () => Observable<RunEvent>;
  /** Runs after an evaluation. */
  readonly report?: () => Observable<RunEvent>;
}

/** Refuses a mode that a pipeline has no part for. */
const refusing = (mode: Mode, why: string) => () =>
  throwError(() => new UsageError(`--mode ${mode}: ${why}`, "use another mode"));
export const refuseDequantizer = refusing("train_deq", "this pipeline's data need no dequantization");
export const refuseEvaluation = refusing("eval", "this pipeline evaluates nothing");
export const refuseSampling = refusing("sample", "this pipeline draws nothing");

/** Tells which planned phases a run will not have, because the pipeline lacks their part. */
export const lacking = ({ evaluate, sample }: RunPhases): RunEvent => ({
  type: "plan",
  totals: {
    ...(!evaluate && { evaluating_loss: 0, evaluating_likelihood: 0, evaluating_bound: 0 }),
    ...(!sample && { sampling: 0 }),
  },
});
