/** The vectors that a node behind fetches, and those that it gives to others. */
import { status } from "@grpc/grpc-js";
import type { StepSum } from "../../training/peers.ts";
import { averageName, type Snapshot, type TrainState } from "../../training/train-state.ts";
import { statusError } from "../receive.ts";
import type { Header } from "../../exchange/messages.ts";
import type { VectorAbout } from "../../exchange/messages.ts";
import type { FetchRequest } from "../../exchange/messages.ts";
import type { Vector } from "./parcel.ts";
import type { RunShape } from "./shares-of-view.ts";
import type { SharedSnapshot } from "./shared-snapshot.ts";

const STATE = ["parameters", "m", "v", "ema"] as const;
/** With local steps, before the first of which the momentum is zero. */
const LOCAL_STATE = [...STATE, "outer"] as const;

export function vectorsToFetch(what: FetchRequest["what"], run: RunShape): VectorAbout[] {
  const { parameters, shards, shardSize, local, averages = [] } = run;
  const vector = (name: string, length: number) => ({ name, length, bfloat16: false });
  if (what === "STATE") {
    const names = [...(local ? LOCAL_STATE : STATE), ...averages.map(averageName)];
    return names.map((name) => vector(name, local?.parameters ?? parameters));
  }
  return [vector("sum", parameters), vector("t", shards * shardSize), vector("loss", shards * shardSize)];
}

export const toSum = (step: number, [sum, t, loss]: readonly Float32Array[]): StepSum => ({
  step,
  sum: sum!,
  t: t!,
  loss: loss!,
});

/** The state of the vectors that {@link vectorsToFetch} names. */
export function toSnapshot(step: number, run: RunShape, vectors: readonly Float32Array[]): Snapshot {
  const [parameters, m, v, ema] = vectors as readonly [Float32Array, Float32Array, Float32Array, Float32Array];
  const { averages: rates = [], local } = run;
  const further = vectors.slice(local ? LOCAL_STATE.length : STATE.length);
  const averages = new Map(rates.map((rate, i) => [rate, further[i]!]));
  return {
    ...{ step, parameters, m, v, ema },
    ...(local && { outer: vectors[STATE.length]! }),
    ...(averages.size > 0 && { averages }),
  };
}

/**
 * Answers a request.
 *
 * @param last The last sum that was applied.
 * @throws ServiceError when this node does not have it.
 */
export function fetched(
  { runId, what, step }: FetchRequest,
  run: { readonly runId: string; readonly id: number },
  state: Pick<TrainState, "step">,
  shared: SharedSnapshot,
  last: StepSum | undefined,
): { readonly header: Omit<Header, "vectors">; readonly vectors: Vector[] } {
  const refuse = (why: string) => statusError(status.FAILED_PRECONDITION, why);
  if (runId !== run.runId) throw refuse(`run_id: ${runId} is another run`);
  const header = { runId, view: 0, step, from: run.id, phase: "FETCHED" as const };
  const vector = (name: string, values: Float32Array): Vector => ({ name, values, bfloat16: false });
  if (what === "STATE") {
    if (state.step !== step) throw refuse(`step: ${step} was asked for, this node is at ${state.step}`);
    const snapshot = shared.get();
    const { outer, averages = new Map<number, Float32Array>() } = snapshot;
    const all = STATE.map((name) => vector(name, snapshot[name]));
    const further = [...averages].map(([rate, values]) => vector(averageName(rate), values));
    return { header, vectors: [...all, ...(outer ? [vector("outer", outer)] : []), ...further] };
  }
  if (what !== "SUM") throw refuse("what: SUM or STATE is to be asked for");
  if (last?.step !== step) throw refuse(`step: the sum of ${step} was asked for, this node has that of ${last?.step}`);
  // Its memory is used again after the next step, which may come before this has gone.
  return { header, vectors: [vector("sum", last.sum.slice()), vector("t", last.t), vector("loss", last.loss)] };
}
