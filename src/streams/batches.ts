import { defer, type Observable } from "rxjs";
import { createBatch, type Batch, type BatchInfo, type Column, type ColumnData } from "../data/batch.ts";
import type { Examples } from "../data/examples.ts";
import { permutation, randomKey } from "../base/random.ts";
import { alone, type Peers, type Turn } from "../training/peers.ts";
import type { Credit } from "./credit.ts";
import { pullAhead } from "./pull-ahead.ts";
import { pullTurns, type RoundTurns } from "./pull-turns.ts";

/** Options of {@link trainBatches}. */
export interface TrainBatchesOptions {
  /** Examples a step, over all shards. */
  readonly batchSize: number;
  /** Parts the batch of a step is cut into; each is emitted on its own. */
  readonly shards: number;
  readonly seed: number;
  /** First step, 0-based: a resumed run continues here. */
  readonly from: number;
  /** Times that the random numbers of the first step were drawn anew, default 0. */
  readonly redraw?: number;
  /** Step after the last. */
  readonly to: number;
  /** Completes at the next step's border once aborted. */
  readonly signal?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
  /** Those with whom the shards are shared: they say which to emit next, and when it is over. Default: nobody. */
  readonly peers?: Peers | undefined;
  /** With local steps, see `localSteps`: bounds how many batches of a replica's round are on their way. */
  readonly pace?: Credit | undefined;
}

/** The batches of a replica's round, step by step: the shards of each step are shared among the replicas. */
const roundTurns = (every: number, perReplica: number, pace: Credit | undefined): RoundTurns => ({
  pace,
  stepsOf: ({ step: round, shard: replica }) =>
    Array.from({ length: every }, (_, i) =>
      Array.from({ length: perReplica }, (_, j) => ({
        step: round * every + i,
        shard: replica * perReplica + j,
      })),
    ),
});

/** A batch that has yet to be read. */
interface Plan {
  readonly info: BatchInfo;
  /** Places among the examples. */
  readonly indices: Uint32Array;
}

/** @throws RangeError for bytes in the column "data", or floats in the column "image". */
function requireKind(name: string, data: ColumnData): void {
  const isBytes = data instanceof Uint8Array;
  if (name === "data" && isBytes) {
    throw new RangeError('the examples are bytes: name their column "image", and put dequantize behind it');
  }
  if (name === "image" && !isBytes) throw new RangeError('the examples are floats: name their column "data"');
}

async function batchOf<C extends string>(examples: Examples, name: C, { info, indices }: Plan): Promise<Batch<C>> {
  const column: Column = { data: await examples.load(indices), shape: examples.shape };
  requireKind(name, column.data);
  return createBatch({ [name]: column } as Record<C, Column>, info);
}

/** Batches being read before their turn. */
const AHEAD = 4;

/** The planned batches, in order; `ends` tells at each whether to complete instead. */
function batchesOf<C extends string>(
  examples: Examples,
  name: C,
  plans: () => Generator<Plan, void>,
  ends: (info: BatchInfo) => boolean,
  credit: Credit | undefined,
): Observable<Batch<C>> {
  function* jobs() {
    for (const plan of plans()) {
      yield { start: () => batchOf(examples, name, plan), ends: () => ends(plan.info) };
    }
  }
  return pullAhead(jobs, AHEAD, credit);
}

/**
 * Shuffled batches without end of an epoch: sample k of the run is entry k mod N of the permutation of epoch k / N.
 *
 * So every example is seen once an epoch, no remainder is dropped, and any step can be the first. The order is one for
 * all shards, so no example is in two of them. A few batches are read ahead.
 *
 * @example
 * ```ts
 * trainBatches(dataset, "image", { batchSize: 128, shards: 1, seed: 1, from: state.step, to: 1000 });
 * ```
 * @param name The column: "image" for bytes, "data" for floats.
 * @returns For each step in [from, to) one batch per shard, in order; with peers those that are this node's turn.
 * @throws RangeError when `batchSize` is not a multiple of `shards`.
 */
export function trainBatches<C extends string>(
  examples: Examples,
  name: C,
  { batchSize, shards, seed, from, redraw = 0, to, signal, credit, peers = alone(), pace }: TrainBatchesOptions,
): Observable<Batch<C>> {
  const size = batchSize / shards;
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`trainBatches: batchSize ${batchSize} is not a multiple of shards ${shards}`);
  }
  const planner = () => {
    let epoch = -1;
    let order: Uint32Array = new Uint32Array(0);
    const indexOf = (sample: number) => {
      const wanted = Math.floor(sample / examples.length);
      if (wanted !== epoch) {
        epoch = wanted;
        order = permutation(randomKey(seed, "shuffle", epoch), examples.length);
      }
      return order[sample % examples.length]!;
    };
    return (step: number, shard: number): Plan => {
      const firstSample = step * batchSize + shard * size;
      const indices = Uint32Array.from({ length: size }, (_, i) => indexOf(firstSample + i));
      const again = step === from && redraw > 0 && { redraw };
      return { info: { step, shard, shards, firstSample, ...again }, indices };
    };
  };
  if (!peers.alone) {
    return defer(() => {
      const plan = planner();
      const make = ({ step, shard }: Turn) => batchOf(examples, name, plan(step, shard));
      const rounds = peers.rounds === undefined ? undefined : roundTurns(peers.rounds, shards / peers.shards, pace);
      return pullTurns(make, { peers, credit, rounds });
    });
  }
  function* plans(): Generator<Plan, void> {
    const plan = planner();
    for (let step = from; step < to; step++) {
      for (let shard = 0; shard < shards; shard++) yield plan(step, shard);
    }
  }
  return batchesOf(examples, name, plans, ({ shard }) => shard === 0 && signal?.aborted === true, credit);
}

/** Options of {@link evalBatches}. */
export interface EvalBatchesOptions {
  readonly batchSize: number;
  /** Passes over the examples, default 1. */
  readonly repeats?: number;
  /** First batch, counted over all passes: a resumed evaluation continues here. */
  readonly from?: number;
  readonly signal?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
}

/**
 * Every example once a pass, in order; the last batch of a pass may be smaller.
 *
 * `step` counts the batches over all passes, so that each draws fresh random numbers; `firstSample` starts anew.
 *
 * @example
 * ```ts
 * evalBatches(evaluationExamples(dataset, 1000), "image", { batchSize: 100 });
 * ```
 * @returns Batches with the column `name`, [B, ...shape].
 */
export function evalBatches<C extends string>(
  examples: Examples,
  name: C,
  { batchSize, repeats = 1, from = 0, signal, credit }: EvalBatchesOptions,
): Observable<Batch<C>> {
  function* plans(): Generator<Plan, void> {
    let step = 0;
    for (let pass = 0; pass < repeats; pass++) {
      for (let first = 0; first < examples.length; first += batchSize, step++) {
        if (step < from) continue;
        const size = Math.min(batchSize, examples.length - first);
        const indices = Uint32Array.from({ length: size }, (_, i) => first + i);
        yield { info: { step, shard: 0, shards: 1, firstSample: first }, indices };
      }
    }
  }
  return batchesOf(examples, name, plans, () => signal?.aborted === true, credit);
}
