/**
 * One step's exchange by TensorFlow's collectives: as in round.ts every node sends its partial sums of each range to the
 * range's owner, who adds them in the order of the tree, so that the sum has the same bits.
 *
 * TensorFlow's own reduction adds in an order that depends on the number of nodes.
 */
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs";
import type { Collectives } from "../../engine/collectives.ts";
import { tf } from "../../engine/tf.ts";
import { subtreesOf, sumInOrder, type SubtreeSum } from "../../ops/sum-tree.ts";
import type { StepSum } from "../../training/peers.ts";
import type { GroupView } from "../../exchange/messages.ts";
import { joined } from "./joined.ts";
import { shardsOf, type RunShape } from "./shares-of-view.ts";

/** This node's results of a step. */
export interface OwnTensors {
  /** Sums of subtrees over its shards, in order, each [P]; they stay the caller's. */
  readonly sums: readonly SubtreeSum<Tensor1D>[];
  readonly t: Float32Array;
  readonly loss: Float32Array;
}

export interface CollectiveRoundOptions {
  readonly collectives: Collectives;
  readonly view: GroupView;
  /** The member, by its index in the view, that each of TensorFlow's ranks is. */
  readonly memberOfRank: readonly number[];
  readonly run: RunShape;
}

export interface CollectiveStep {
  readonly sum: Omit<StepSum, "step">;
  /** Indices of the members that want to stop after it. */
  readonly stopping: readonly number[];
  /** Bytes of vectors that this node sent. */
  readonly bytes: number;
}

/** Numbers of the uses of {@link Collectives}. */
const KEY = { ranks: 1, reduce: 2, gather: 3, losses: 4, end: 5 } as const;

/** Finds the member of each of TensorFlow's ranks: it orders them by their names, in which 10 comes before 2. */
export async function ranks(collectives: Collectives, index: number): Promise<number[]> {
  const own = tf.tensor1d([index]);
  const all = await collectives.gather(own, KEY.ranks);
  const members = [...(all.dataSync() as Float32Array)];
  tf.dispose([own, all]);
  return members;
}

/** Resolves once all members have come to it. */
export async function meet(collectives: Collectives): Promise<void> {
  const own = tf.tensor1d([0]);
  tf.dispose([own, await collectives.gather(own, KEY.end)]);
}

/** Losses of all members, by their order, and who wants to stop. */
async function gatherLosses({ t, loss }: OwnTensors, stop: boolean, options: CollectiveRoundOptions) {
  const { collectives, view, memberOfRank, run } = options;
  const examples = view.members.map(({ id }) => {
    const { first, end } = shardsOf(view, id, run);
    return run.shardSize * (end - first);
  });
  const longest = Math.max(...examples);
  const row = new Float32Array(2 * longest + 1);
  row.set(t);
  row.set(loss, longest);
  row[2 * longest] = Number(stop);
  const own = tf.tensor1d(row);
  const all = await collectives.gather(own, KEY.losses);
  const values = all.dataSync() as Float32Array;
  tf.dispose([own, all]);
  const rows = examples.map((_, member) => values.subarray(memberOfRank.indexOf(member) * row.length).subarray(0, row.length)); // prettier-ignore
  return {
    t: joined(rows.map((theirs, i) => theirs.subarray(0, examples[i]))),
    loss: joined(rows.map((theirs, i) => theirs.subarray(longest, longest + examples[i]!))),
    sent: row.length,
    stopping: rows.flatMap((theirs, i) => (theirs[2 * longest] ? [i] : [])),
  };
}

/** Runs an exchange. @throws Error when a member is gone. */
export async function collectiveRound(
  own: OwnTensors,
  stop: boolean,
  options: CollectiveRoundOptions,
): Promise<CollectiveStep> {
  const { collectives, view, memberOfRank, run } = options;
  const [members, length] = [view.members.length, run.parameters];
  const subtrees = view.members.map(({ id }) => {
    const { first, end } = shardsOf(view, id, run);
    return subtreesOf(first, end);
  });
  // All send equally many, so some of them zeros, which are not added.
  const slots = Math.max(...subtrees.map((trees) => trees.length));
  const range = Math.ceil(length / members);
  const inOrder = memberOfRank.every((member, rank) => member === rank);
  const toRanks = <T extends Tensor>(x: T): T => (inOrder ? x : tf.gather(x, [...memberOfRank], 0));
  const toMembers = <T extends Tensor>(x: T): T =>
    inOrder ? x : tf.gather(x, memberOfRank.map((_, member) => memberOfRank.indexOf(member)), 0); // prettier-ignore

  const send = tf.tidy(() => {
    const missing = range * members - length;
    const padded = (value: Tensor1D) => (missing > 0 ? value.pad([[0, missing]]) : value);
    const rows = own.sums.map(({ value }) => padded(value).reshape([members, 1, range]));
    const zeros = rows.length < slots ? [tf.zeros([members, slots - rows.length, range])] : [];
    return toRanks(tf.concat([...rows, ...zeros], 1));
  });
  const losses = gatherLosses(own, stop, options);
  const reducing = collectives.allToAll(send, KEY.reduce);
  send.dispose();
  const [received, { sent, stopping, ...told }] = await Promise.all([reducing, losses]);
  const sum = tf.tidy(() => {
    const byMember = toMembers(received).reshape([members * slots, range]);
    const parts = subtrees.flatMap((trees, member) =>
      trees.map((subtree, i) => ({ subtree, value: byMember.slice([member * slots + i, 0], [1, range]) as Tensor2D })),
    );
    return sumInOrder<Tensor2D>(parts, run.shards, (a, b) => tf.add(a, b));
  });
  received.dispose();
  const gathered = await collectives.gather(sum, KEY.gather);
  sum.dispose();
  const whole = tf.tidy(() =>
    toMembers(gathered)
      .reshape([members * range])
      .slice([0], [length]),
  );
  gathered.dispose();
  // Outside of `tidy`, which looks at each element of an array.
  const values = whole.dataSync() as Float32Array;
  whole.dispose();
  const bytes = 4 * (members - 1) * (range * (slots + 1) + sent);
  return { sum: { sum: values, ...told }, stopping, bytes };
}
