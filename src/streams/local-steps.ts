import { Observable, Subject, type OperatorFunction } from "rxjs";
import type { Tensor1D } from "@tensorflow/tfjs";
import { NonFiniteLossError } from "../base/errors.ts";
import { createBatch, floats, type BatchInfo } from "../data/batch.ts";
import { tf } from "../engine/tf.ts";
import { outerUpdate, type OuterOptions } from "../training/outer-step.ts";
import type { Group, StepSum, Turn } from "../training/peers.ts";
import { Replica, type Moments, type ReplicaRound } from "../training/replica.ts";
import type { TrainState } from "../training/train-state.ts";
import type { StepRecord } from "./adam.ts";

/** Options of {@link localSteps}. */
export interface LocalStepsOptions {
  /** The state that all replicas share. */
  readonly state: TrainState;
  /** Shards of a step over all replicas. */
  readonly shards: number;
  readonly outer: OuterOptions;
  readonly moments: Moments;
  /** Returns the learning rate of a 0-based step, for the metrics. */
  readonly learningRate: (step: number) => number;
}

/** A replica's round. */
interface Work {
  readonly turn: Turn;
  readonly round: ReplicaRound;
  readonly losses: Float32Array;
  readonly norms: Float32Array;
  /** Set when the round was given or given up: steps that still run finish, but do not count. */
  over: boolean;
}

/** The rounds that this node gave since the last sum, by replica. */
class GivenRounds {
  readonly #rounds = new Map<number, Pick<Work, "turn" | "round">>();

  add({ turn, round }: Work): void {
    const before = this.#rounds.get(turn.shard);
    // Computed again.
    if (before) before.round.givenUp = true;
    this.#rounds.set(turn.shard, { turn, round });
  }

  /** Gives up those that are not in the sum by this node's doing: others computed them again. */
  summed({ step, own }: StepSum): void {
    for (const { turn, round } of this.#rounds.values()) {
      const isElsewhere = own !== undefined && (turn.shard < own.first || turn.shard >= own.end);
      if (turn.step !== step || isElsewhere) round.givenUp = true;
    }
    this.#rounds.clear();
  }
}

const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Trains by local steps (DiLoCo). Each replica of the model takes the steps of a round alone, starting from the common
 * parameters. The changes are averaged over the replicas, and an outer optimizer applies the mean to `state`.
 *
 * Nodes exchange once per round instead of once per step. The configuration sets the number of replicas, but not which
 * node computes them. A replica's round is a function of the common state. One node with four replicas therefore
 * produces the same bits as four nodes with one each. If a node is lost, the remaining nodes repeat its round. `state`
 * always has the values at the end of a round; a stop within a round discards its steps.
 *
 * @example
 * ```ts
 * const group = new LocalGroup({ replicas: 4, every: 50, from: 0, to: 100 });
 * const outer = { learningRate: 0.7, momentum: 0.9 };
 * const options = { state, shards: 4, outer, moments: "averaged" as const, learningRate: () => 2e-4 };
 * perturbedBatches.pipe(
 *   localSteps(group, options, (replica) =>
 *     pipe(
 *       scoreMatching(network, sde, replica, { weighting: "importance", seed: 1 }),
 *       accumulate(1),
 *       adam(replica, { ...context.config.optim, compile: true }),
 *     ),
 *   ),
 * );
 * ```
 * @param peers Nodes that exchange rounds; their shards are replicas.
 * @param steps Builds the stages of a replica, from its batches to one record per step.
 * @returns One record per round, with means over its steps and all replicas; `info.step` is the last step of the round.
 * @throws RangeError when the peers exchange every step, or the shards cannot be divided evenly among the replicas.
 * @see Douillard et al., DiLoCo (2023), arXiv 2311.08105, Algorithm 1
 */
export function localSteps<T extends { readonly info: BatchInfo }>(
  peers: Group,
  options: LocalStepsOptions,
  steps: (replica: Replica) => OperatorFunction<T, StepRecord>,
): OperatorFunction<T, StepRecord> {
  const { state, shards, moments } = options;
  const { rounds: every } = peers;
  const perReplica = shards / peers.shards;
  if (every === undefined) throw new RangeError("localSteps: these peers exchange every step");
  if (!Number.isInteger(perReplica)) {
    throw new RangeError(`localSteps: ${shards} shards cannot be shared evenly among ${peers.shards} replicas`);
  }
  return (source) =>
    new Observable((subscriber) => {
      state.useOuter(true);
      const replica = new Replica(moments);
      const input = new Subject<T>();
      const queue: T[] = [];
      const given = new GivenRounds();
      let busy = false;
      let work: Work | undefined;

      const begin = ({ step, shard }: BatchInfo) => {
        const turn = { step: step / every, shard: shard / perReplica };
        peers.reconsider();
        const over = !peers.owes(turn);
        if (!over && state.step !== step) {
          throw new RangeError(`localSteps: round ${turn.step} begins at step ${step}, the state is of ${state.step}`);
        }
        replica.begin(turn.shard, state);
        const { round } = replica;
        round.givenUp = over;
        work = { turn, round, losses: new Float32Array(every), norms: new Float32Array(every), over };
      };
      /** Begins the next step once the last one has ended and its batches have arrived. */
      const advance = () => {
        if (busy || queue.length < perReplica) return;
        const batches = queue.splice(0, perReplica);
        const { info } = batches[0]!;
        if (info.step % every === 0) begin(info);
        busy = true;
        for (const batch of batches) input.next(batch);
      };
      const give = ({ turn, losses, norms }: Work) => {
        const values = replica.change(state);
        peers.add({ ...turn, values, t: norms, loss: losses });
        values.dispose();
      };
      const ended = (record: StepRecord) => {
        const [current, at] = [work!, record.info.step % every];
        busy = false;
        current.losses[at] = floats(record, "loss").data[0]!;
        current.norms[at] = floats(record, "gradNorm").data[0]!;
        if (!current.over) {
          if (at === every - 1) {
            replica.end();
            current.over = true;
            given.add(current);
            give(current);
          } else {
            peers.reconsider();
            current.over = !peers.owes(current.turn);
            current.round.givenUp = current.over;
          }
        }
        advance();
      };
      const failed = (error: unknown) => {
        // Sent so that the other nodes do not compute the round again.
        if (error instanceof NonFiniteLossError && work?.over === false) {
          const told = Number.isFinite(error.loss) ? Infinity : error.loss;
          give({ ...work, losses: new Float32Array(every).fill(told) });
        }
        subscriber.error(error);
      };
      const guarded = (act: () => void) => {
        try {
          act();
        } catch (error) {
          subscriber.error(error);
        }
      };

      subscriber.add(() => replica.dispose());
      subscriber.add(
        peers.onSum((sum) =>
          guarded(() => {
            given.summed(sum);
            subscriber.next(applyRound(sum, peers.shards, every, options));
          }),
        ),
      );
      subscriber.add(
        input.pipe(steps(replica)).subscribe({ next: (record) => guarded(() => ended(record)), error: failed }),
      );
      subscriber.add(
        source.subscribe({
          next: (batch) => guarded(() => (queue.push(batch), advance())),
          error: (error: unknown) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
    });
}

/** Updates the common state to the end of the round. */
function applyRound(
  { step: round, sum, t: norms, loss: losses }: StepSum,
  replicas: number,
  every: number,
  { state, outer, moments, learningRate }: LocalStepsOptions,
): StepRecord {
  const { parameters, m, v } = state.adam;
  const next = tf.tidy(() => {
    const all = tf.mul<Tensor1D>(tf.tensor1d(sum), 1 / replicas);
    const vector = (index: number) => tf.slice1d(all, index * parameters.size, parameters.size);
    const stepped = outerUpdate(parameters, state.outer!, vector(0), outer);
    const averaged = moments === "averaged";
    return { ...stepped, m: averaged ? vector(1) : tf.clone(m), v: averaged ? vector(2) : tf.clone(v) };
  });
  const { buffer, ...adam } = next;
  state.advanceRound(every, adam, buffer);
  const last = state.step - 1;
  if (last !== (round + 1) * every - 1) throw new RangeError(`localSteps: round ${round} led to step ${last + 1}`);
  const row = (value: number) => ({ data: Float32Array.of(value), shape: [] });
  return createBatch(
    { loss: row(mean(losses)), gradNorm: row(mean(norms)), learningRate: row(learningRate(last)) },
    { step: last, shard: 0, shards: 1, firstSample: 0 },
  );
}
