/**
 * One step's exchange: every node sends its partial sums of each range to the range's owner, the owners add them in the
 * order of the tree and send the sums to all.
 *
 * So a node sends and receives twice the parameter vector, however many there are.
 */
import type { Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { fromBfloat16, toBfloat16 } from "../../ops/bfloat16.ts";
import { firstNonFinite } from "../../ops/finite.ts";
import { subtreesOf, sumInOrder, type SubtreeSum } from "../../ops/sum-tree.ts";
import type { StepSum } from "../../optim/peers.ts";
import type { Member, Phase, View } from "./definition.ts";
import { joined } from "./joined.ts";
import type { Vector } from "./parcel.ts";
import { rangeOf, shardsOf, vectorsOf, type RunShape } from "./shares-of-view.ts";

/** What this node has computed for the step. */
export interface Own {
  /** Sums of subtrees over its shards, in order, each of all parameters. */
  readonly sums: readonly SubtreeSum<Float32Array>[];
  readonly t: Float32Array;
  readonly loss: Float32Array;
}

export interface RoundOptions {
  readonly view: View;
  /** This node's. */
  readonly id: number;
  readonly step: number;
  readonly run: RunShape;
  readonly send: (to: Member, phase: Phase, vectors: readonly Vector[]) => void;
  /**
   * Waits until all these members have sent what they send in the phase.
   *
   * @returns It, by the order of the members; undefined when the view is over.
   */
  readonly receive: (
    from: readonly Member[],
    phase: Phase,
  ) => Promise<readonly (readonly Float32Array[])[] | undefined>;
  /** Told of what was received, once it is not needed any more. */
  readonly release: (arrays: readonly Float32Array[]) => void;
  /** A value that is not finite: nobody can go on. */
  readonly diverged: (value: number) => void;
}

const cut = (values: Float32Array, { first, end }: { readonly first: number; readonly end: number }) =>
  values.subarray(first, end);

/** The sum by the engine's own addition, which adds within a node too: where it flushes subnormals, both do. */
function addUp(parts: readonly SubtreeSum<Float32Array>[], shards: number): Float32Array {
  if (parts[0]!.value.length === 0) return new Float32Array(0);
  const sum = tf.tidy(() => {
    const tensors = parts.map(({ subtree, value }) => ({ subtree, value: tf.tensor1d(value) }));
    return sumInOrder<Tensor1D>(tensors, shards, (a, b) => tf.add(a, b));
  });
  // Outside: `tidy` looks for tensors in what it returns, also in each element of an array.
  const values = sum.dataSync() as Float32Array;
  sum.dispose();
  return values;
}

/** @returns The sum over all shards; undefined when the view ended before, or the values are not finite. */
export async function exchange(own: Own, options: RoundOptions): Promise<StepSum | undefined> {
  const { view, id, step, run, send, receive, release, diverged } = options;
  const others = view.members.filter((member) => member.id !== id);
  const vectors = [own.loss, ...own.sums.map(({ value }) => value)];
  const bad = vectors.map((values) => values[firstNonFinite(values)]).find((value) => value !== undefined);
  if (bad !== undefined) return void diverged(bad);

  const plain = (name: "t" | "loss"): Vector => ({ name, values: own[name], bfloat16: false });
  for (const to of others) {
    const range = rangeOf(view, to.id, run);
    const names = vectorsOf(view, id, to.id, "REDUCE", run).slice(2);
    const parts = own.sums.map(({ value }, i) => ({ ...names[i]!, values: cut(value, range) }));
    send(to, "REDUCE", [plain("t"), plain("loss"), ...parts]);
  }
  const reduced = await receive(others, "REDUCE");
  if (!reduced) return undefined;

  const range = rangeOf(view, id, run);
  const [t, loss]: [Float32Array[], Float32Array[]] = [[], []];
  const parts = view.members.flatMap((member): SubtreeSum<Float32Array>[] => {
    if (member.id === id) {
      t.push(own.t);
      loss.push(own.loss);
      return own.sums.map(({ subtree, value }) => ({ subtree, value: cut(value, range) }));
    }
    const [theirT, theirLoss, ...sums] = reduced[others.indexOf(member)]!;
    t.push(theirT!);
    loss.push(theirLoss!);
    const { first, end } = shardsOf(view, member.id, run);
    return subtreesOf(first, end).map((subtree, i) => ({ subtree, value: sums[i]! }));
  });
  const exact = addUp(parts, run.shards);
  const overflow = exact[firstNonFinite(exact)];
  if (overflow !== undefined) return void diverged(overflow);
  // Everybody goes on with the sum as the others get it.
  const sum = run.bfloat16 && others.length > 0 ? fromBfloat16(toBfloat16(exact)) : exact;

  for (const to of others) send(to, "GATHER", [{ name: "sum", values: sum, bfloat16: run.bfloat16 }]);
  const gathered = await receive(others, "GATHER");
  if (!gathered) return undefined;

  const whole = new Float32Array(run.parameters);
  whole.set(sum, range.first);
  others.forEach((member, i) => whole.set(gathered[i]![0]!, rangeOf(view, member.id, run).first));
  const losses = { t: joined(t), loss: joined(loss) };
  release([...reduced, ...gathered].flat());
  return { step, sum: whole, ...losses };
}
