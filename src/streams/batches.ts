import { defer, type Observable } from "rxjs";
import { createBatch, type Batch, type BatchInfo, type Column } from "../data/batch.ts";
import type { ImageDataset, LoadedImages } from "../data/dataset.ts";
import { evaluationOrder } from "../data/evaluation-order.ts";
import { permutation, randomKey } from "../base/random.ts";
import { alone, type Peers, type Turn } from "../training/peers.ts";
import type { Credit } from "./credit.ts";
import { pullAhead } from "./pull-ahead.ts";
import { pullTurns, type RoundTurns } from "./pull-turns.ts";
import { pull } from "./pull.ts";

/** Examples in memory: images as bytes, or vectors as floats. */
export interface Examples {
  readonly length: number;
  /** Values of all examples, [length, ...shape], or of more, of which `order` takes some. */
  readonly values: Column;
  /** Place of each example, [length]; absent: one after another. */
  readonly order?: Uint32Array;
}

/** Examples on the disk. */
export interface StoredExamples {
  readonly length: number;
  /** Index of each example, [length]; absent: one after another. */
  readonly order?: Uint32Array;
  /** Examples by index, read while something else is done, [B, ...shape]. */
  load(indices: Uint32Array): Promise<Column>;
}

/** Examples to draw batches from. */
export type AnyExamples = Examples | StoredExamples;

/** The first `limit` images of a data set, default all; {@link evaluationExamples} takes some of them. */
export function images(data: LoadedImages, limit?: number): Examples;
export function images(data: ImageDataset, limit?: number): AnyExamples;
export function images(data: ImageDataset, limit = data.length): AnyExamples {
  const { shape } = data;
  const length = Math.min(limit, data.length);
  if ("load" in data) return { length, load: async (indices) => ({ data: await data.load(indices), shape }) };
  const size = shape[0] * shape[1] * shape[2];
  return { length, values: { data: data.images.subarray(0, length * size), shape } };
}

/**
 * The examples of an evaluation of at most `limit`: as drawn at random from all, since data often lie
 * sorted by class, and always the same.
 *
 * @returns The examples at the places that `evaluationOrder` says, in its order.
 */
export function evaluationExamples<E extends AnyExamples>(examples: E, limit: number): E {
  const order = evaluationOrder(examples.length, limit);
  const { order: before } = examples;
  return { ...examples, length: order.length, order: before ? order.map((place) => before[place]!) : order };
}

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

function gather({ data, shape }: Column, indices: Uint32Array): Column {
  const width = shape.reduce((a, b) => a * b, 1);
  const out =
    data instanceof Uint8Array ? new Uint8Array(indices.length * width) : new Float32Array(indices.length * width);
  indices.forEach((index, i) => out.set(data.subarray(index * width, (index + 1) * width), i * width));
  return { data: out, shape };
}

/** A batch that has yet to be read. */
interface Plan {
  readonly info: BatchInfo;
  /** Places among the examples. */
  readonly indices: Uint32Array;
}

/** Finds the places of a plan's examples. */
const found = ({ order }: AnyExamples, { indices }: Plan) => (order ? indices.map((place) => order[place]!) : indices);

/** One batch, at once or when it has been read. */
function batchOf<C extends string>(examples: Examples, name: C, plan: Plan): Batch<C>;
function batchOf<C extends string>(examples: StoredExamples, name: C, plan: Plan): Promise<Batch<C>>;
function batchOf<C extends string>(examples: AnyExamples, name: C, plan: Plan): Batch<C> | Promise<Batch<C>>;
function batchOf<C extends string>(examples: AnyExamples, name: C, plan: Plan) {
  const batch = (column: Column) => createBatch({ [name]: column } as Record<C, Column>, plan.info);
  const indices = found(examples, plan);
  return "load" in examples ? examples.load(indices).then(batch) : batch(gather(examples.values, indices));
}

/** Batches being read from the disk before their turn. */
const AHEAD = 4;

/** The planned batches, in order; `ends` tells at each whether to complete instead. */
function batchesOf<C extends string>(
  examples: AnyExamples,
  name: C,
  plans: () => Generator<Plan, void>,
  ends: (info: BatchInfo) => boolean,
  credit: Credit | undefined,
): Observable<Batch<C>> {
  if (!("load" in examples)) {
    return pull(function* () {
      for (const plan of plans()) {
        if (ends(plan.info)) return;
        yield batchOf(examples, name, plan);
      }
    }, credit);
  }
  const stored = examples;
  function* jobs() {
    for (const plan of plans()) {
      yield { start: async () => batchOf(stored, name, plan), ends: () => ends(plan.info) };
    }
  }
  return pullAhead(jobs, AHEAD, credit);
}

/**
 * Shuffled batches without end of an epoch: sample k of the run is entry k mod N of the permutation of epoch k / N.
 *
 * So every example is seen once an epoch, no remainder is dropped, and any step can be the first. The order is one for
 * all shards, so no example is in two of them. Examples on the disk are read a few batches ahead.
 *
 * @example
 * ```ts
 * trainBatches(images(dataset), "image", { batchSize: 128, shards: 1, seed: 1, from: state.step, to: 1000 });
 * ```
 * @param name The column: "image" for bytes, "data" for floats.
 * @returns For each step in [from, to) one batch per shard, in order; with peers those that are this node's turn.
 * @throws RangeError when `batchSize` is not a multiple of `shards`.
 */
export function trainBatches<C extends string>(
  examples: AnyExamples,
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
 * evalBatches(images(dataset, 1000), "image", { batchSize: 100 });
 * ```
 * @returns Batches with the column `name`, [B, ...shape].
 */
export function evalBatches<C extends string>(
  examples: AnyExamples,
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
