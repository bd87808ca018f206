/** Admits nodes to the run. */
import { mixedWarning } from "./arithmetic.ts";
import { isOwn, type Arrival, type CoordinatorDraft, type Locality } from "./coordinator-state.ts";
import { change, drop, send, tell } from "./coordinator-views.ts";
import { IDLE } from "./limits.ts";

/** The first node, at loopback or not, is reached by the address that each was given. */
const isApart = (a: Locality, b: Locality) => a !== "here" && b !== "here" && a !== b;

/** Why a node may not join. */
function refusal(
  draft: CoordinatorDraft,
  { rank, incarnation, address, place = "here" }: Arrival,
): { reason: string; passing: boolean; address?: boolean } | undefined {
  const { members, phase, begun, idle, rules } = draft;
  const { shards, world, fixed } = rules;
  const passing = (reason: string) => ({ reason, passing: true });
  if (phase === "over") return passing("the run has ended");
  if (fixed && begun) {
    return { reason: `the ${world} nodes that began stay the only ones (exchange.engine)`, passing: false };
  }
  if (members.length >= shards) {
    return passing(`training.shards: ${shards} shards are for at most ${shards} nodes, and so many are there`);
  }
  const holder = rank > 0 && members.find((member) => member.rank === rank);
  if (holder) return passing(`rank ${rank} is taken by ${holder.address}`);
  const apart = members.find((member) => !isOwn(member) && isApart(member.place, place));
  if (apart) {
    const [near, far] = place === "loopback" ? [address, apart.address] : [apart.address, address];
    return { ...passing(`${near} is an address within one machine, and ${far} is on another machine`), address: true };
  }
  if ((idle[incarnation] ?? 0) >= IDLE) return passing(`it was left out ${IDLE} times and did no step in between`);
  return undefined;
}

const fresh = (now: number) => ({
  ...{ ready: undefined, entered: false, heard: now, progress: 0, progressed: now, step: 0, base: 0, waitsFor: [] },
  ...{ told: undefined, same: -1 },
});

/** Admits a node; the first one is the coordinator's own, of rank 0. */
export function join(draft: CoordinatorDraft, arrival: Arrival): void {
  const { rules, effects, now } = draft;
  const own = draft.nextId === 1;
  // The coordinator's own node stays: a copied workdir has its name.
  const old = draft.members.find((member) => arrival.node !== "" && member.node === arrival.node && !isOwn(member));
  const farewell = { reason: "another process with this workdir has taken its place", how: "superseded" as const };
  if (old && !rules.fixed) drop(draft, { member: old, what: "has come back before it was missed", farewell });
  const refused = own ? undefined : refusal(draft, arrival);
  if (refused) {
    effects.push({ type: "refuse", ...refused });
    // Once the run is over nobody answers any more.
    if (old && !rules.fixed && draft.begun && draft.phase !== "over") change(draft);
    return;
  }
  let rank = own ? 0 : arrival.rank || 1;
  while (draft.members.some((member) => member.rank === rank)) rank++;
  const id = draft.nextId++;
  const { address, collectivesPort, node, incarnation, differing = [], place = "here" } = arrival;
  const member = { id, rank, address, place, collectivesPort, node, incarnation };
  draft.members = [...draft.members, { ...member, ...fresh(now) }];
  if (own) draft.since = now;
  effects.push({ type: "admit", id });
  send(draft, draft.members.at(-1)!, {
    welcome: { runId: rules.runId, id, rank, deadline: rules.deadline, differing },
  });
  if (!own) tell(draft, `node ${rank} has joined from ${address}`);
  if (differing.length > 0) tell(draft, mixedWarning(`node ${rank} computes`, differing));
  const { length } = draft.members;
  if (draft.begun || length >= rules.world) change(draft);
  else tell(draft, `${length} of ${rules.world} nodes are here; waiting for the others`);
}
