/** Derives from a view who computes, sums and sends what. */
import { shareOf, type Share } from "../../base/shares.ts";
import type { Turn } from "../../training/peers.ts";
import { INT8_BLOCK } from "../../ops/int8-blocks.ts";
import { subtreesOf, type Subtree } from "../../ops/sum-tree.ts";
import type { VectorAbout } from "../../exchange/messages.ts";
import type { Phase } from "../../exchange/messages.ts";
import type { GroupView } from "../../exchange/messages.ts";

/** Numbers that all nodes of a run agree on. */
export interface RunShape {
  /** Parts of a batch. */
  readonly shards: number;
  /** Examples in a shard. */
  readonly shardSize: number;
  /** Length of the vector that is summed: of the parameters, unless `local` says otherwise. */
  readonly parameters: number;
  /** Sums are rounded on their way. */
  readonly bfloat16: boolean;
  /**
   * Results of shards, here replicas, and their sum are rounded to int8 in blocks where they arise, also on one node:
   * their way changes nothing then.
   */
  readonly int8?: boolean | undefined;
  /** With local steps shards are replicas and steps rounds; absent: every step is exchanged. */
  readonly local?: LocalRounds | undefined;
  /** Decays of the further averages of the state; default: none. */
  readonly averages?: readonly number[];
}

/** Rounds of local steps. Of a shard there are as many losses as a round has steps. */
export interface LocalRounds {
  /** Steps in a round. */
  readonly every: number;
  /** Vectors of so many values make the state; what is summed may be longer. */
  readonly parameters: number;
}

/** Optimizer steps in one step of the exchange. */
export const stepsOf = ({ local }: RunShape): number => local?.every ?? 1;

/** Ranges begin at multiples of it, as the parameters do. */
const ALIGNMENT = 16;

const indexOf = ({ members }: GroupView, id: number) => members.findIndex((member) => member.id === id);

/** The shards whose gradients a member computes. */
export const shardsOf = (view: GroupView, id: number, { shards }: RunShape): Share =>
  shareOf(shards, view.members.length, indexOf(view, id));

/** The turn that follows in a view, before step `to`. */
export function turnAfter(
  view: GroupView,
  id: number,
  { step, shard }: Turn,
  run: RunShape,
  to: number,
): Turn | undefined {
  const { first, end } = shardsOf(view, id, run);
  if (shard + 1 < end) return { step, shard: shard + 1 };
  return step + 1 < to ? { step: step + 1, shard: first } : undefined;
}

/** The part of the parameter vector that a member sums up: with int8 of whole blocks. */
export const rangeOf = (view: GroupView, id: number, { parameters, int8 }: RunShape): Share =>
  shareOf(parameters, view.members.length, indexOf(view, id), int8 ? INT8_BLOCK : ALIGNMENT);

/** The sums that a member of these shards sends. With int8 one for each shard: a sum of several would be rounded again. */
export const sentBy = ({ first, end }: Share, { int8 }: RunShape): Subtree[] =>
  int8 ? Array.from({ length: end - first }, (_, i) => ({ first: first + i, level: 0 })) : subtreesOf(first, end);

/** Number of the first vectors of REDUCE: times and losses. */
export const LOSSES = 2;

const lengthOf = ({ first, end }: Share) => end - first;

/** The vectors that member `from` sends to member `to` in a phase. */
export function vectorsOf(view: GroupView, from: number, to: number, phase: Phase, run: RunShape): VectorAbout[] {
  const { shardSize, bfloat16, int8 } = run;
  if (phase === "GATHER") return [{ name: "sum", length: lengthOf(rangeOf(view, from, run)), bfloat16, int8 }];
  const shards = shardsOf(view, from, run);
  const examples = shardSize * lengthOf(shards);
  const length = lengthOf(rangeOf(view, to, run));
  return [
    { name: "t", length: examples, bfloat16: false },
    { name: "loss", length: examples, bfloat16: false },
    ...sentBy(shards, run).map(({ first, level }) => ({
      name: `sum/${first}/${level}`,
      length,
      bfloat16,
      int8,
    })),
  ];
}
