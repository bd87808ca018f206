import { defer, type Observable } from "rxjs";
import { createBatch, type Batch, type BatchInfo, type Column, type ColumnData } from "../data/batch.ts";
import type { Examples } from "../data/examples.ts";
import { requireCount } from "../base/counts.ts";
import { permutation, randomKey } from "../base/random.ts";
import { alone, type Peers, type Turn } from "../training/peers.ts";
import type { Credit } from "./credit.ts";
import { pullAhead } from "./pull-ahead.ts";
import { pullTurns, type RoundTurns } from "./pull-turns.ts";

/** Options of {@link trainBatches}. */
export interface TrainBatchesOptions {
  /** Examples per step, over all shards. */
  readonly batchSize: number;
  /** Parts into which the batch of a step is cut; each is emitted as a batch. */
  readonly shards: number;
  readonly seed: number;
  /** First step, 0-based: a resumed run continues here. */
  readonly from: number;
  /** Number of times that the first step's random numbers were redrawn, default 0. */
  readonly redraw?: number;
  /** Step at which to stop; it is not emitted. */
  readonly to: number;
  /** Once aborted, the stream completes at the end of the current step. */
  readonly signal?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
  /** Nodes that share the shards. They decide which shard comes next, and when the run ends. Default: a single node. */
  readonly peers?: Peers | undefined;
  /** With `localSteps`: limits how many batches of a replica's round are in flight. */
  readonly pace?: Credit | undefined;
}

/** Lists the batches of a replica's round, step by step; the replicas share the shards of each step. */
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

/** A batch that has not been read yet. */
interface Plan {
  readonly info: BatchInfo;
  /** Indices of the examples. */
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

/** Number of batches that are read ahead. */
const AHEAD = 4;

/** Emits the planned batches in order; before each, `ends` decides whether to complete instead. */
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
 * Emits shuffled batches across epochs: sample k of the run is entry k mod N of the permutation of epoch k / N.
 *
 * Every example is seen once per epoch, no remainder is dropped, and a run can start at any step. All shards share one
 * order, so no example is in two of them. A few batches are read ahead.
 *
 * @example
 * ```ts
 * trainBatches(dataset, "image", { batchSize: 128, shards: 1, seed: 1, from: state.step, to: 1000 });
 * ```
 * @param name The column: "image" for bytes, "data" for floats.
 * @returns One batch per shard for each step in [from, to), in order; with peers, only the shards of this node.
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
  /** Number of passes over the examples, default 1. */
  readonly repeats?: number;
  /** First batch, counted over all passes: a resumed evaluation continues here. */
  readonly from?: number;
  readonly signal?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
}

/**
 * Emits every example once per pass, in order; the last batch of a pass may be smaller.
 *
 * `step` counts the batches over all passes, so each pass draws new random numbers. `firstSample` starts at 0 in each
 * pass.
 *
 * @example
 * ```ts
 * evalBatches(evaluationExamples(dataset, 1000), "image", { batchSize: 100 });
 * ```
 * @returns Batches with the column `name`, [B, ...shape].
 * @throws RangeError when `batchSize` is not a positive integer.
 */
export function evalBatches<C extends string>(
  examples: Examples,
  name: C,
  { batchSize, repeats = 1, from = 0, signal, credit }: EvalBatchesOptions,
): Observable<Batch<C>> {
  requireCount("evalBatches", "batchSize", batchSize);
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
