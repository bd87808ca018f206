/** Decides from the members' reports of each other which of them leave the group. */
import { ENTERING, HEARING } from "./limits.ts";
import {
  byRank,
  isOwn,
  type Accusation,
  type Attending,
  type CoordinatorDraft,
  type Farewell,
} from "./coordinator-state.ts";

export const SILENT = "was silent beyond exchange.deadlineSeconds";

/** True while the accuser has made no progress since; a member that has goes on without complaint. */
export const isLive = (accuser: Attending, { at }: Accusation) => accuser.progressed <= at;

export interface Going {
  readonly member: Attending;
  readonly what: string;
  /** Reason given to the member, if its link still stands. */
  readonly farewell?: { readonly reason: string; readonly how: Farewell };
  /** The member was present and did nothing. */
  readonly silent?: boolean;
}

export const leftOut = (member: Attending, why: string, by = ""): Going => ({
  ...{ member, what: `is left out: it ${why}`, silent: true },
  farewell: { reason: `left out${by}: ${why.startsWith("was") ? "" : "it "}${why}`, how: "left out" },
});

/** Chooses the members that leave, from what members say of each other. */
export function judged(draft: CoordinatorDraft): Going[] {
  const { members, now, accusations } = draft;
  if (accusations.length === 0) return [];
  const memberOf = (id: number) => members.find((member) => member.id === id);
  const live = accusations.filter((one) => memberOf(one.of) && memberOf(one.by) && isLive(memberOf(one.by)!, one));
  const ripe = live.filter(({ at }) => now - at >= HEARING);
  const broken = ripe.filter(({ silent }) => !silent);
  return broken.length > 0 ? unreachable(draft, broken) : silentOnes(draft, ripe);
}

/** Handles two nodes that cannot reach each other: the one with more complaints goes, but never the first node. */
function unreachable({ members }: CoordinatorDraft, broken: readonly Accusation[]): Going[] {
  const going: Going[] = [];
  let left = broken;
  while (left.length > 0) {
    const weight = ({ id }: Attending) =>
      left.filter(({ by, of }) => by === id || of === id).length + left.filter(({ of }) => of === id).length / 1e6;
    const [worst] = members.filter((member) => !isOwn(member) && weight(member) > 0).sort((a, b) => weight(b) - weight(a)); // prettier-ignore
    const said = left.find(({ by, of }) => by === worst!.id || of === worst!.id)!;
    const accuser = members.find(({ id }) => id === said.by)!;
    const accused = members.find(({ id }) => id === said.of)!;
    const why = worst === accused ? said.reason : `cannot go on with node ${accused.rank}: ${said.reason}`;
    going.push(leftOut(worst!, why, worst === accused ? ` by node ${accuser.rank}` : ""));
    left = left.filter(({ by, of }) => by !== worst!.id && of !== worst!.id);
  }
  return going;
}

/**
 * Finds the members that hold up the others. A waiting member is not to blame; the last one in its chain is, unless it
 * makes progress.
 */
function silentOnes({ members, now, rules }: CoordinatorDraft, ripe: readonly Accusation[]): Going[] {
  const reached = new Map<Attending, Accusation>();
  const follow = (id: number, accusation: Accusation) => {
    const member = members.find((one) => one.id === id);
    if (!member || reached.has(member)) return;
    reached.set(member, accusation);
    for (const next of member.waitsFor) follow(next, accusation);
  };
  for (const accusation of ripe) follow(accusation.of, accusation);
  const isStuck = (member: Attending, times = 1) =>
    now - member.progressed >= Math.max(times * rules.deadline, reached.get(member)!.patience);
  const all = [...reached.keys()];
  const ends = all.filter(({ waitsFor }) => waitsFor.length === 0);
  // They wait for each other: something got lost between them.
  const culprits = ends.length > 0 || !all.every((one) => isStuck(one)) ? ends : all.filter((one) => !isOwn(one)).sort(byRank).slice(-1); // prettier-ignore
  const stuck = culprits.filter((one) => isStuck(one, isOwn(one) ? ENTERING : 1));
  // The first node cannot go: without it there is no run.
  if (stuck.some(isOwn)) {
    const [what, reason] = ["is let go: node 0 does not get on", "node 0 does not get on"];
    return members.filter((one) => !isOwn(one)).map((member) => ({ member, what, farewell: { reason, how: "closed" } })); // prettier-ignore
  }
  return stuck.map((member) => {
    const accuser = members.find(({ id }) => id === reached.get(member)!.by)!;
    return leftOut(member, SILENT, ` by node ${accuser.rank}`);
  });
}
