/**
 * The coordinator's rules, as a pure function: who belongs to the run, in numbered views, each agreed on before work
 * goes on. No clock, no connection: docs/reference/exchange-protocol.md.
 */
import { sanitizeText } from "../../base/sanitize-text.ts";
import { isLive, judged, leftOut, SILENT, type Going } from "./coordinator-judgement.ts";
import {
  byRank,
  isOwn,
  type Arrival,
  type Attending,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorDraft,
} from "./coordinator-state.ts";
import { ENTERING, GATHERING, IDLE, LINGER } from "./limits.ts";
import type { CoordinatorMessage, GroupView, MemberMessage, Ready } from "./messages.ts";

/**
 * What follows from an event.
 *
 * Views are agreed on in two rounds. `prepare` stops everybody from applying more under the view before; once all have
 * answered with their step, `view` says who takes part from the newest of these steps on and what each has to fetch.
 * Members of one view are at most one step apart: nobody can apply step k before everybody has sent its part of it.
 */
export function coordinate(
  state: CoordinatorState,
  event: CoordinatorEvent,
  now: number,
): { readonly state: CoordinatorState; readonly effects: readonly CoordinatorEffect[] } {
  const members = state.members.map((member) => ({ ...member }));
  const draft: CoordinatorDraft = { ...state, members, accusations: [...state.accusations], idle: { ...state.idle }, effects: [], now }; // prettier-ignore
  if (event.type === "join") join(draft, event.arrival);
  else if (event.type === "tick") tick(draft);
  else if (event.type === "close") close(draft, event.reason);
  else {
    const member = draft.members.find(({ id }) => id === event.id);
    if (member && event.type === "said") said(draft, member, event.message);
    if (member && event.type === "gone") remove(draft, [{ member, what: `is gone: ${event.why}` }]);
  }
  const { effects, now: _, ...next } = draft;
  return { state: next, effects };
}

const send = ({ effects }: CoordinatorDraft, { id }: Attending, message: CoordinatorMessage) => effects.push({ type: "send", id, message }); // prettier-ignore
const tell = ({ effects }: CoordinatorDraft, text: string) => effects.push({ type: "tell", text });

/** Why a node may not join. */
function refusal(
  draft: CoordinatorDraft,
  { rank, incarnation }: Arrival,
): { reason: string; passing: boolean } | undefined {
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
  if ((idle[incarnation] ?? 0) >= IDLE) return passing(`it was left out ${IDLE} times and did no step in between`);
  return undefined;
}

const fresh = (now: number) => ({
  ...{ ready: undefined, entered: false, heard: now, progress: 0, progressed: now, step: 0, base: 0, waitsFor: [] },
});

/** Admits a node; the first one is the coordinator's own, of rank 0. */
function join(draft: CoordinatorDraft, arrival: Arrival): void {
  const { rules, effects, now } = draft;
  const own = draft.nextId === 1;
  // Not the coordinator's own: a workdir that was copied has its name.
  const old = draft.members.find((member) => arrival.node !== "" && member.node === arrival.node && !isOwn(member));
  const farewell = { reason: "another process with this workdir has taken its place", how: "superseded" as const };
  if (old && !rules.fixed) drop(draft, { member: old, what: "has come back before it was missed", farewell });
  const refused = own ? undefined : refusal(draft, arrival);
  if (refused) {
    effects.push({ type: "refuse", ...refused });
    if (old && !rules.fixed && draft.begun) change(draft);
    return;
  }
  let rank = own ? 0 : arrival.rank || 1;
  while (draft.members.some((member) => member.rank === rank)) rank++;
  const id = draft.nextId++;
  const { address, collectivesPort, node, incarnation } = arrival;
  const member = { id, rank, address, collectivesPort, node, incarnation };
  draft.members.push({ ...member, ...fresh(now) });
  if (own) draft.since = now;
  effects.push({ type: "admit", id });
  send(draft, draft.members.at(-1)!, { welcome: { runId: rules.runId, id, rank, deadline: rules.deadline } });
  if (!own) tell(draft, `node ${rank} has joined from ${address}`);
  const { length } = draft.members;
  if (draft.begun || length >= rules.world) change(draft);
  else tell(draft, `${length} of ${rules.world} nodes are here; waiting for the others`);
}

/** What a member says. */
function said(
  draft: CoordinatorDraft,
  member: Attending,
  { ready, suspect, diverged, leave, alive }: MemberMessage,
): void {
  const { now } = draft;
  member.heard = now;
  if (leave) return remove(draft, [{ member, what: "has left" }]);
  if (diverged) return draft.members.forEach((one) => send(draft, one, { diverged }));
  if (alive) {
    if (alive.progress !== member.progress) member.progressed = now;
    if (alive.step > member.base) delete draft.idle[member.incarnation];
    [member.progress, member.step, member.waitsFor] = [alive.progress, alive.step, alive.waitsFor];
    finish(draft);
  }
  if (ready && ready.view === draft.view && draft.phase === "preparing") {
    member.ready = ready;
    settle(draft);
  }
  if (suspect && suspect.view === draft.view && draft.phase === "settled") {
    const { id: of, reason: text, silent, patience } = suspect;
    const known = draft.accusations.find((one) => one.by === member.id && one.of === of && one.silent === silent);
    draft.accusations = draft.accusations.filter((one) => one !== known);
    const [reason, at] = [sanitizeText(text), known && isLive(member, known) ? known.at : now];
    draft.accusations.push({ by: member.id, of, reason, silent, patience, at });
  }
}

function drop(draft: CoordinatorDraft, { member, what, farewell, silent = false }: Going): void {
  draft.members = draft.members.filter((one) => one !== member);
  draft.lost = draft.now;
  if (silent) draft.idle[member.incarnation] = (draft.idle[member.incarnation] ?? 0) + 1;
  if (farewell) draft.effects.push({ type: "end", id: member.id, ...farewell });
  const { length } = draft.members;
  tell(draft, `node ${member.rank} ${what}; ${length} of ${length + 1} nodes stay`);
}

function remove(draft: CoordinatorDraft, going: readonly Going[]): void {
  if (going.length === 0) return;
  for (const one of going) drop(draft, one);
  if (draft.begun && draft.phase !== "over" && draft.members.length > 0) change(draft);
}

function change(draft: CoordinatorDraft): void {
  draft.begun = true;
  draft.phase = "preparing";
  draft.since = draft.now;
  draft.view++;
  draft.accusations = [];
  for (const member of draft.members) member.ready = undefined;
  for (const member of draft.members) send(draft, member, { prepare: { view: draft.view } });
}

/** What a member lacks of the state of `source`. */
function needOf({ entered, ready }: Attending, source: Ready): GroupView["need"] {
  const { step, hash, settled } = ready!;
  const same = entered && settled;
  if (step === source.step && hash === source.hash && (hash !== "" || same)) return "NOTHING";
  return same && step === source.step - 1 ? "SUM" : "STATE";
}

/** All have answered: the view can be said. */
function settle(draft: CoordinatorDraft): void {
  const members = [...draft.members].sort(byRank);
  if (members.some(({ ready }) => ready === undefined)) return;
  // Later on the state of those who have the run's; at the beginning, or if these are all gone, the newest.
  const ofRun = members.filter(({ entered, ready }) => entered && ready!.settled);
  const old = ofRun.length > 0 ? ofRun : members;
  const step = Math.max(...old.map(({ ready }) => ready!.step));
  const source = old.find(({ ready }) => ready!.step === step)!;
  const differing = ofRun.filter(({ ready }) => ready!.step === step && ready!.hash !== source.ready!.hash);
  if (differing.length > 0) return differ(draft, step, [source, ...differing]);
  const needs = new Map(
    members.map((member) => [member, member === source ? "NOTHING" : needOf(member, source.ready!)]),
  );
  const holders = members.filter((member) => needs.get(member) === "NOTHING");
  const withSum = holders.filter(({ ready }) => ready!.hasSum);
  const entering = members.some(({ entered }) => !entered);
  const about = members.map(({ id, rank, address, collectivesPort }) => ({ id, rank, address, collectivesPort }));
  draft.phase = "settled";
  draft.since = draft.now;
  members.forEach((member, i) => {
    const wanted = needs.get(member)!;
    const need = wanted === "SUM" && withSum.length === 0 ? "STATE" : (wanted as GroupView["need"]);
    const from = need === "SUM" ? withSum : holders;
    if (!member.entered) member.base = step;
    member.entered = true;
    member.progressed = draft.now;
    const common = { view: draft.view, step, members: about, entering, hash: source.ready!.hash };
    send(draft, member, { view: { ...common, need, source: need === "NOTHING" ? 0 : from[i % from.length]!.id } });
  });
}

/** Two states of one step: everybody stops. */
function differ(draft: CoordinatorDraft, step: number, members: readonly Attending[]): void {
  const text = members.map(({ rank, ready }) => `node ${rank} has ${ready!.hash.slice(0, 16)}`).join(", ");
  for (const member of draft.members) send(draft, member, { differ: { step, text } });
}

function tick(draft: CoordinatorDraft): void {
  const { rules, now, since, phase } = draft;
  const { deadline } = rules;
  const others = draft.members.filter((member) => !isOwn(member));
  for (const member of others) send(draft, member, { alive: {} });
  const unheard = (limit: number) => others.filter(({ heard }) => now - heard > limit);
  const late = now - since >= deadline;
  if (phase === "gathering") {
    remove(draft, unheard(deadline).map((member) => leftOut(member, SILENT))); // prettier-ignore
    if (draft.members.some(isOwn) && !rules.fixed && now - since >= deadline * (rules.finished ? 1 : GATHERING)) {
      tell(
        draft,
        `${draft.members.length} of ${rules.world} nodes are here; going on with them, others may join later`,
      );
      change(draft);
    }
  }
  if (phase === "preparing" && late) {
    const silent = others.filter(({ ready }) => ready === undefined);
    draft.since = now;
    remove(draft, silent.map((member) => leftOut(member, "did not answer in time"))); // prettier-ignore
  }
  if (phase === "settled") {
    const silent = unheard(ENTERING * deadline).map((member) => leftOut(member, SILENT));
    remove(draft, silent.length > 0 ? silent : judged(draft));
    finish(draft);
  }
}

/** Ends the run once all have the last step, and who was lost shortly before does not come back. */
function finish(draft: CoordinatorDraft): void {
  const { rules, members, phase, now, lost } = draft;
  const { to, world, deadline } = rules;
  if (phase !== "settled" || members.length === 0 || members.some(({ step }) => step < to)) return;
  if (members.length < world && lost !== undefined && now - lost < LINGER * deadline) return;
  draft.phase = "over";
  for (const member of members) send(draft, member, { finished: {} });
}

function close(draft: CoordinatorDraft, reason: string): void {
  const others = draft.members.filter((member) => !isOwn(member));
  draft.phase = "over";
  draft.members = [];
  for (const { id } of others) draft.effects.push({ type: "end", id, reason, how: "closed" });
}
