/**
 * The coordinator's rules, as a pure function: who belongs to the run, in numbered views, each agreed on before work
 * goes on. No clock, no connection: docs/reference/exchange-protocol.md.
 */
import { sanitizeText } from "../base/sanitize-text.ts";
import { join } from "./coordinator-joining.ts";
import { isLive, judged, leftOut, SILENT } from "./coordinator-judgement.ts";
import {
  attendingCopy,
  coordinatorDraft,
  isOwn,
  type Attending,
  type CoordinatorDraft,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
} from "./coordinator-state.ts";
import { change, remove, send, settle, tell, compareParameters } from "./coordinator-views.ts";
import { ENTERING, GATHERING, LINGER } from "./limits.ts";
import type { MemberMessage } from "./messages.ts";

/**
 * Computes the effects of an event.
 *
 * Views are agreed on in two rounds. `prepare` stops all members from applying more under the view before; each answers
 * with its step. `view` then names the members from the newest of these steps on, and what each has to fetch. Members
 * of one view are at most one step apart: nobody can apply step k before everybody has sent its part of it.
 */
export function coordinate(
  state: CoordinatorState,
  event: CoordinatorEvent,
  now: number,
): { readonly state: CoordinatorState; readonly effects: readonly CoordinatorEffect[] } {
  const draft = coordinatorDraft(state, now);
  if (event.type === "join") join(draft, event.arrival);
  else if (event.type === "tick") tick(draft);
  else if (event.type === "close") close(draft, event.reason);
  else {
    const member = draft.members.find(({ id }) => id === event.id);
    if (member && event.type === "said") said(draft, taken(draft, member), event.message);
    if (member && event.type === "gone") remove(draft, [{ member, what: `is gone: ${event.why}` }]);
  }
  // As it is: a copy without effects and time would take longer than all else here.
  return { state: draft, effects: draft.effects };
}

/** Replaces a member by a copy that may be changed. */
function taken(draft: CoordinatorDraft, member: Readonly<Attending>): Attending {
  const own = attendingCopy(member);
  draft.members = draft.members.map((one) => (one === member ? own : one));
  return own;
}

/** Handles a member's message. */
function said(
  draft: CoordinatorDraft,
  member: Attending,
  { ready, suspect, diverged, leave, alive, parameters }: MemberMessage,
): void {
  const { now } = draft;
  member.heard = now;
  if (leave) return remove(draft, [{ member, what: "has left" }]);
  if (diverged) return draft.members.forEach((one) => send(draft, one, { diverged }));
  if (alive) {
    if (alive.progress !== member.progress) member.progressed = now;
    const { incarnation, base } = member;
    if (alive.step > base && draft.idle[incarnation]) draft.idle = { ...draft.idle, [incarnation]: 0 };
    [member.progress, member.step, member.waitsFor] = [alive.progress, alive.step, alive.waitsFor];
    finish(draft);
  }
  if (parameters) {
    member.told = parameters;
    compareParameters(draft, parameters.step);
    finish(draft);
  }
  if (ready && ready.view === draft.view && draft.phase === "preparing") {
    member.ready = ready;
    settle(draft);
  }
  if (suspect && suspect.view === draft.view && draft.phase === "settled") {
    const { id: of, reason: text, silent, patience } = suspect;
    const known = draft.accusations.find((one) => one.by === member.id && one.of === of && one.silent === silent);
    const [reason, at] = [sanitizeText(text), known && isLive(member, known) ? known.at : now];
    const others = draft.accusations.filter((one) => one !== known);
    draft.accusations = [...others, { by: member.id, of, reason, silent, patience, at }];
  }
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
  if (rules.verifies && draft.verified < to) return;
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
