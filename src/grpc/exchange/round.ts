/**
 * One step's exchange: every node sends its partial sums of each range to the range's owner, the owners add them in the
 * order of the tree and send the sums to all.
 *
 * So a node sends and receives twice the parameter vector, however many there are.
 */
import { firstNonFinite } from "../../ops/finite.ts";
import type { Share } from "../../base/shares.ts";
import type { StepSum } from "../../training/peers.ts";
import type { Phase } from "../../exchange/messages.ts";
import type { GroupView } from "../../exchange/messages.ts";
import type { Member } from "../../exchange/messages.ts";
import type { Inbox } from "./inbox.ts";
import { joined } from "./joined.ts";
import type { Own } from "./own-work.ts";
import { formatOf } from "./number-format.ts";
import type { Vector } from "./parcel.ts";
import { cut, inPieces, RangeSum, type Part } from "./range-sum.ts";
import { LOSSES, rangeOf, sentBy, shardsOf, vectorsOf, type RunShape } from "./shares-of-view.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { ExchangeTimes } from "./node-options.ts";

export interface RoundOptions {
  readonly view: GroupView;
  /** Id of this node. */
  readonly id: number;
  readonly step: number;
  readonly run: RunShape;
  /** Resolves once it is over, however it ends: the values are not read any more. */
  readonly send: (to: Member, phase: Phase, vectors: readonly Vector[]) => Promise<void>;
  /** Parcels that have arrived, and the memory in which the sum is gathered. */
  readonly inbox: Pick<Inbox, "get" | "whole">;
  /** Takes arrays back that are not needed any more. */
  readonly pool: BufferPool;
  /**
   * Waits until all these members have sent what they send in the phase.
   *
   * @param look Called whenever more of it has come.
   * @returns false when the view is over.
   */
  readonly receive: (from: readonly Member[], phase: Phase, look: () => void) => Promise<boolean>;
  /** A value that is not finite: nobody can go on. */
  readonly diverged: (value: number) => void;
}

/** The result of a step's exchange: the sum over all shards, and its sending to the others. */
export interface Exchanged {
  readonly sum: StepSum;
  /** Resolves once it is not read for them any more. */
  readonly sent: Promise<unknown>;
  /** Absent for a sum that another node has given. */
  readonly times?: ExchangeTimes;
}

/** Adds up the time of calls, ms. */
function timed(work: () => void) {
  let spent = 0;
  return {
    run(): void {
      const start = performance.now();
      work();
      spent += performance.now() - start;
    },
    spent: () => spent,
  };
}

/** @returns undefined when the view ended before, or the values are not finite. */
export async function exchange(own: Own, options: RoundOptions): Promise<Exchanged | undefined> {
  const { view, id, step, run, inbox, pool, send, receive, diverged } = options;
  const others = view.members.filter((member) => member.id !== id);
  const begun = performance.now();
  let finite = true;
  const stop = (value: number | undefined) => {
    if (value === undefined) return;
    finite = false;
    diverged(value);
  };

  // Looked at piece by piece when it is sent, and with the sum where it stays: once through memory less.
  const look = (piece: Float32Array) => {
    stop(piece[firstNonFinite(piece)]);
    return finite;
  };
  const plain = (name: "t" | "loss"): Vector => ({ name, values: own[name], bfloat16: false, look });
  const scattered = others.map((to) => {
    const range = rangeOf(view, to.id, run);
    const names = vectorsOf(view, id, to.id, "REDUCE", run).slice(LOSSES);
    const sums = own.sums.map(({ value }, i) => ({ ...names[i]!, values: cut(value, range), look }));
    return send(to, "REDUCE", [plain("t"), plain("loss"), ...sums]);
  });

  const range = rangeOf(view, id, run);
  const values = cut(inbox.whole, range);
  const ownPart: Part = {
    source: own,
    sums: own.sums.map(({ subtree, value }) => ({ subtree, value: inPieces(cut(value, range)) })),
    there: values.length,
  };
  const partFrom = (member: Member): (() => Part | undefined) => {
    const arriving = () => inbox.get(member.id, "REDUCE");
    const pieces = (vector: number) => (piece: Share) => arriving()!.piece(vector, piece);
    const sums = sentBy(shardsOf(view, member.id, run), run).map((subtree, i) => ({
      subtree,
      value: pieces(LOSSES + i),
    }));
    return () => {
      const all = arriving();
      return all && { source: all, sums, there: all.there };
    };
  };
  const parts = view.members.map((member) => (member.id === id ? () => ownPart : partFrom(member)));
  // Everybody goes on with the sum as the others get it; with int8 so does a node without others.
  const format = others.length > 0 || run.int8 ? formatOf(run) : "float32";
  const sum = new RangeSum({ parts: () => parts.map((part) => part()), shards: run.shards, out: values, format });
  const adding = timed(() => void (finite && stop(sum.advance())));
  if (!(await receive(others, "REDUCE", adding.run))) return undefined;
  adding.run();
  const added = performance.now();
  if (!finite) return undefined;
  if (!sum.complete) throw new Error(`exchange: the sum of step ${step} has a gap`);

  const reduced = others.map((member) => inbox.get(member.id, "REDUCE")!);
  const lossesOf = (index: number, ours: Float32Array) =>
    joined(view.members.map((member) => (member.id === id ? ours : reduced[others.indexOf(member)]!.vectors[index]!)));
  const losses = { t: lossesOf(0, own.t), loss: lossesOf(1, own.loss) };
  for (const all of reduced) {
    all.release();
    pool.give(all.vectors);
  }
  void Promise.all(scattered).then(own.takeBack);

  const sent = Promise.all(
    others.map((to) => send(to, "GATHER", [{ name: "sum", values, bfloat16: run.bfloat16, int8: run.int8 }])),
  );
  if (!(await receive(others, "GATHER", () => {}))) return undefined;
  const times = {
    waiting: (added - begun - adding.spent()) / 1000,
    adding: adding.spent() / 1000,
    sending: (performance.now() - added) / 1000,
  };
  return { sum: { step, sum: inbox.whole, ...losses, own: shardsOf(view, id, run) }, sent, times };
}
