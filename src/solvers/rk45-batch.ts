import type { BatchDerivative } from "./batch-derivative.ts";
import type { Rk45Options } from "./rk45.ts";
import { rk45Steps, type SlopeRequest, type Solution } from "./rk45-steps.ts";
import { turn } from "../base/turn.ts";
import { inSquareRoot, type TimeVariable } from "./time-variable.ts";

/**
 * Step sizes of a batch. "batch" uses one for all examples, like scipy and the reference. "image" chooses one for each
 * example.
 */
export type StepControl = "batch" | "image";

/** Options of {@link rk45Batch}. */
export interface Rk45BatchOptions extends Rk45Options {
  /** Default "batch". */
  readonly stepControl?: StepControl | undefined;
  /** Default "t"; "sqrt" needs times >= 0. */
  readonly timeVariable?: TimeVariable | undefined;
}

/** The result of {@link rk45Batch}. */
export interface Rk45BatchResult {
  /** The states at t1, [B, ...state]. */
  readonly y: Float64Array;
  /** Number of evaluations that each example took, [B]. */
  readonly perExample: Int32Array;
  /** Number of calls of f. */
  readonly evaluations: number;
}

interface Solver {
  /** Indices of its examples. */
  readonly examples: readonly number[];
  readonly steps: Generator<SlopeRequest, Solution, void>;
  readonly request: SlopeRequest;
}

/**
 * Returns the size of a call with `n` of `batch` examples: the batch, or a half, a quarter ... of it, rounded up. A
 * compiled network has one graph per size, so there should be few sizes.
 */
export function callSize(n: number, batch: number): number {
  let size = batch;
  for (let half = Math.ceil(size / 2); half >= n && half < size; half = Math.ceil(size / 2)) size = half;
  return size;
}

/**
 * Integrates the states of a batch of examples from t0 to t1 by RK45, all in the same calls of f.
 *
 * With step control "batch", the batch is one system. With "image", each example has the same steps, error control and
 * result as if it were alone. Finished examples drop out of the calls.
 *
 * @param y0 The states at t0, [B, ...state], not changed.
 * @throws The errors of {@link rk45Steps}; the signal's reason on abort.
 */
export async function rk45Batch(
  f: BatchDerivative,
  t0: number,
  t1: number,
  y0: Float64Array,
  batch: number,
  { timeVariable = "t", onEvaluation, ...options }: Rk45BatchOptions,
): Promise<Rk45BatchResult> {
  if (timeVariable === "t") return integrate(f, t0, t1, y0, batch, { ...options, onEvaluation });
  return integrate(inSquareRoot(f), Math.sqrt(t0), Math.sqrt(t1), y0, batch, {
    ...options,
    onEvaluation: onEvaluation && ((evaluations, s) => onEvaluation(evaluations, s * s)),
  });
}

async function integrate(
  f: BatchDerivative,
  t0: number,
  t1: number,
  y0: Float64Array,
  batch: number,
  { stepControl = "batch", onEvaluation, signal, ...tolerances }: Omit<Rk45BatchOptions, "timeVariable">,
): Promise<Rk45BatchResult> {
  const size = y0.length / batch;
  const result = { y: new Float64Array(y0.length), perExample: new Int32Array(batch), evaluations: 0 };
  const all = Array.from({ length: batch }, (_, b) => b);
  const groups = stepControl === "batch" ? [all] : all.map((b) => [b]);

  /** The solver at its next slope; undefined when it has arrived. */
  const advance = (examples: readonly number[], steps: Solver["steps"]): Solver | undefined => {
    const step = steps.next();
    if (!step.done) return { examples, steps, request: step.value };
    result.y.set(step.value.y, examples[0]! * size);
    return undefined;
  };
  const start = (examples: readonly number[]) => {
    const state = y0.subarray(examples[0]! * size, (examples.at(-1)! + 1) * size);
    return advance(examples, rk45Steps(t0, t1, state, tolerances));
  };

  let solvers = groups.map(start).filter((solver) => solver !== undefined);
  while (solvers.length) {
    await turn(signal);
    const active = solvers.flatMap(({ examples }) => examples);
    const length = callSize(active.length, batch);
    const examples = Int32Array.from({ length }, (_, i) => active[Math.min(i, active.length - 1)]!);
    const t = new Float64Array(length);
    const y = new Float64Array(length * size);
    let at = 0;
    for (const { request, examples: own } of solvers) {
      t.fill(request.t, at, at + own.length);
      y.set(request.point, at * size);
      at += own.length;
    }
    t.fill(t[at - 1]!, at);
    for (; at < length; at++) y.copyWithin(at * size, (at - 1) * size, at * size);

    const out = new Float64Array(y.length);
    await f(examples, t, y, out);
    result.evaluations++;
    onEvaluation?.(result.evaluations, t[0]!);

    at = 0;
    for (const { request, examples: own } of solvers) {
      request.slope.set(out.subarray(at * size, (at + own.length) * size));
      for (const b of own) result.perExample[b]!++;
      at += own.length;
    }
    solvers = solvers.map(({ examples, steps }) => advance(examples, steps)).filter((solver) => solver !== undefined);
  }
  return result;
}
