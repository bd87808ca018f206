/**
 * Predicts the cost of a training step on N GPUs, one process each, when gradients are added after every step.
 *
 * The global batch is cut into S shards, so each process computes S/N of them; then the gradients of all are added in
 * one fixed binary tree. Nothing overlaps: the exchange begins when the gradient is there, the update when the sum is.
 */

import { INT8_BLOCK, int8Size } from "../src/ops/int8-blocks.ts";

/** The place of the additions. */
export type Topology =
  /** Each process adds one Nth of the vector and sends the sum back to all (reduce-scatter, all-gather). */
  | "each"
  /** Rank 0 adds all of it. */
  | "rank 0";

export interface Cluster {
  readonly name: string;
  /** Network bandwidth of one process in each direction, bytes/s; infinite within a machine. */
  readonly bandwidth: number;
  /** Bytes/s that one process can handle in each direction: it writes and sends, takes, checks and adds. */
  readonly carried: number;
  /** One way, s. */
  readonly latency: number;
  /** Cost of sending or taking one message for the process, s. */
  readonly message: number;
  /** At which the GPU adds vectors of its memory, bytes read and written/s. */
  readonly device: number;
  /** Between GPU and host memory, bytes/s. */
  readonly copy: number;
  /** GPUs that there are at most. */
  readonly most?: number;
}

export interface Training {
  readonly parameters: number;
  /** Shards of a global batch. */
  readonly shards: number;
  /** Gradient of one shard on one GPU, s. */
  readonly secondsPerShard: number;
  /** Adam and the average, s. */
  readonly secondsForUpdate: number;
}

export interface Step {
  /** Sent in one step by the process that sends most. */
  readonly bytes: number;
  readonly compute: number;
  /** On the wire or in the processes, whichever takes longer. */
  readonly transfer: number;
  readonly latency: number;
  /** Additions of the gradients of its own shards. */
  readonly additions: number;
  /** Copies between GPU and host. */
  readonly copies: number;
  /** Seconds in all. */
  readonly total: number;
}

const FLOAT = 4;

/** Bytes that the busiest process sends in a step; it takes as many. */
export function bytesSent(parameters: number, world: number, topology: Topology = "each"): number {
  return topology === "each" ? (2 * (world - 1) * FLOAT * parameters) / world : (world - 1) * FLOAT * parameters;
}

/** Times that so many bytes pass one after the other: rank 0 first takes everything and then sends it. */
const PASSES: Readonly<Record<Topology, number>> = { each: 1, "rank 0": 2 };

/** Ethernet, IPv4 and TCP around the bytes of a full frame. */
const [SEGMENT, HEADERS] = [1448, 66];
/**
 * Bytes of a message besides the gradient: losses, names, Arrow's schemas, HTTP/2, frames not full, the answer;
 * measured.
 */
const ENVELOPE = 1400;

/** Bytes of all frames that the busiest process sends in a step, with an acknowledgement for every second that it takes. */
export function bytesOnWire(parameters: number, world: number, topology: Topology = "each"): number {
  const messages = (topology === "each" ? 2 : 1) * (world - 1);
  return (bytesSent(parameters, world, topology) + messages * ENVELOPE) * (1 + (1.5 * HEADERS) / SEGMENT);
}

export interface Transfer {
  readonly parameters: number;
  readonly world: number;
  /** Bytes/s of one process in each direction, with the headers of frames. */
  readonly bandwidth: number;
  /** s, one way. */
  readonly latency: number;
  readonly topology?: Topology;
}

/** Seconds on the wire: parts to those who add, then sums to all. */
export function transferSeconds({ parameters, world, bandwidth, latency, topology = "each" }: Transfer): number {
  if (world === 1) return 0;
  return (PASSES[topology] * bytesOnWire(parameters, world, topology)) / bandwidth + 2 * latency;
}

/** The parts of one step's time on `world` GPUs, s. */
export function stepTime(training: Training, cluster: Cluster, world: number, topology: Topology = "each"): Step {
  const { parameters, shards, secondsPerShard, secondsForUpdate } = training;
  const own = Math.ceil(shards / world);
  const compute = own * secondsPerShard + secondsForUpdate;
  const bytes = bytesSent(parameters, world, topology);
  const wire = transferSeconds({ parameters, world, bandwidth: cluster.bandwidth, latency: 0, topology });
  const transfer = Math.max(wire, (PASSES[topology] * bytes) / cluster.carried);
  const latency = world === 1 ? 0 : 2 * cluster.latency + 4 * (world - 1) * cluster.message;
  // Two numbers read and one written.
  const additions = ((own - 1) * parameters * 3 * FLOAT) / cluster.device;
  const copies = world === 1 ? 0 : (2 * FLOAT * parameters) / cluster.copy;
  const total = compute + transfer + latency + additions + copies;
  return { bytes, compute, transfer, latency, additions, copies, total };
}

/** Rounds of local steps. */
export interface LocalRounds {
  /** Steps between two exchanges. */
  readonly every: number;
  /** Vectors of the parameters' length that are summed: 1, or 3 with averaged moments. */
  readonly vectors: number;
  /** Seconds in which a process packs and unpacks a value of int8; absent: float32 is sent. */
  readonly int8?: number;
}

/** Bytes of a value of int8, with its part of the block's scale. */
const INT8 = int8Size(INT8_BLOCK) / INT8_BLOCK;

/** A step's time with local steps, s: each replica's share of the batch, and its part of a round's exchange. */
export function localStepTime(
  training: Training,
  cluster: Cluster,
  world: number,
  { every, vectors, int8 }: LocalRounds,
): { readonly bytes: number; readonly total: number } {
  const { compute } = stepTime(training, cluster, world);
  const summed = { ...training, parameters: vectors * training.parameters, shards: world, secondsPerShard: 0, secondsForUpdate: 0 }; // prettier-ignore
  const round = stepTime(summed, cluster, world);
  // The outer optimizer reads parameters, momentum and change, and writes two of them.
  const outer = (5 * FLOAT * training.parameters) / cluster.device;
  if (int8 === undefined) return { bytes: round.bytes / every, total: compute + (round.total + outer) / every };
  const sent = stepTime({ ...summed, parameters: (summed.parameters * INT8) / FLOAT }, cluster, world);
  // What is sent, the own change, and the sum of the own range.
  const packed = summed.parameters * ((2 * (world - 1)) / world + 1 + 1 / world);
  const exchange = sent.transfer + sent.latency + round.copies + int8 * packed;
  return { bytes: sent.bytes / every, total: compute + (exchange + outer) / every };
}

const WORLDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** A row for each number of GPUs, and a column for each length of a round: seconds of a step, and times one GPU's speed. */
export function localTable(
  trainingOf: (world: number) => Training,
  cluster: Cluster,
  sent: Omit<LocalRounds, "every">,
  lengths: readonly number[],
): string {
  const alone = stepTime(trainingOf(1), cluster, 1).total;
  const rows = WORLDS.filter((world) => world <= (cluster.most ?? world)).map((world) => [
    String(world),
    ...lengths.map((every) => {
      const total = world === 1 ? alone : localStepTime(trainingOf(world), cluster, world, { every, ...sent }).total;
      return `${total.toFixed(3)} (${(alone / total).toFixed(1)}x)`;
    }),
  ]);
  return tableOf(["GPUs", ...lengths.map((every) => `H = ${every}`)], rows);
}

const tableOf = (heads: readonly string[], rows: readonly (readonly string[])[]) => {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---:")), ...rows.map(line)].join("\n");
};

/**
 * A row for each number of GPUs; for each cluster the seconds of a step, and how many times faster it is than one GPU.
 *
 * @param trainingOf The work on so many GPUs.
 */
export function scalingTable(
  trainingOf: (world: number) => Training,
  clusters: readonly Cluster[],
  topology: Topology,
): string {
  const heads = ["GPUs", "compute, s", "sent, MB", ...clusters.map(({ name }) => name)];
  const alone = stepTime(trainingOf(1), clusters[0]!, 1).total;
  const rows = WORLDS.map((world) => {
    const steps = clusters.map((cluster) => stepTime(trainingOf(world), cluster, world, topology));
    const [{ compute, bytes }] = steps as [Step];
    const cells = steps.map(({ total }, i) =>
      world > (clusters[i]!.most ?? world) ? "" : `${total.toFixed(2)} (${(alone / total).toFixed(1)}x)`,
    );
    return [String(world), compute.toFixed(3), (bytes / 1e6).toFixed(0), ...cells];
  });
  return tableOf(heads, rows);
}
