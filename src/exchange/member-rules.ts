/**
 * A member's rules, as a pure function: how it comes into the run, what it fetches, whom it complains of, and when it
 * gives up. No clock, no connection: docs/reference/exchange-protocol.md.
 */
import { sanitizeText } from "../base/sanitize-text.ts";
import { notesOn } from "./arithmetic.ts";
import { ENTERING, patience, RETRY, SEARCH } from "./limits.ts";
import {
  memberDraft,
  type CallEnd,
  type MemberDraft,
  type MemberEffect,
  type MemberEvent,
  type MemberFailure,
  type MemberState,
} from "./member-state.ts";
import type { CoordinatorMessage, MemberMessage, Phase } from "./messages.ts";

/** Computes the effects of an event. */
export function attend(
  state: MemberState,
  event: MemberEvent,
  now: number,
): { readonly state: MemberState; readonly effects: readonly MemberEffect[] } {
  const draft = memberDraft(state, now);
  if (!draft.ended) react(draft, event);
  // As it is: a copy without effects and time would take longer than all else here.
  return { state: draft, effects: draft.effects };
}

function react(draft: MemberDraft, event: MemberEvent): void {
  const { now } = draft;
  switch (event.type) {
    case "start":
      draft.looking = { why: "first", until: now + draft.deadline, because: "" };
      return call(draft);
    case "message":
      return event.attempt === draft.attempt ? hear(draft, event.message, event.hash ?? "") : undefined;
    case "ended":
      return event.attempt === draft.attempt ? lose(draft, event.how, event.why) : undefined;
    case "fetched":
      return fetched(draft, event);
    case "fetchFailed":
      return draft.view?.view === event.view ? suspect(draft, draft.view.source, event.why, false) : undefined;
    case "news":
      draft.progress++;
      if (draft.waiting) draft.waiting = { ...draft.waiting, since: now };
      return;
    case "turn":
      draft.turnSince = now;
      return;
    case "gradient":
      draft.turnSince = undefined;
      draft.progress++;
      return;
    case "computed":
      draft.computing += event.ms;
      return;
    case "waits":
      draft.waiting = event.from.length > 0 ? { phase: event.phase, from: event.from, since: since(draft, event) } : undefined; // prettier-ignore
      return;
    case "applied":
      return applied(draft, event);
    case "undelivered":
      return suspect(draft, event.to, event.why, false);
    case "diverged":
      return say(draft, { diverged: { step: event.step, value: event.value } });
    case "tick":
      return tick(draft);
    case "leave":
      say(draft, { leave: {} });
      draft.effects.push({ type: "hangUp" });
      draft.ended = true;
  }
}

/** The same wait goes on while fewer and fewer are missing. */
const since = ({ waiting, now }: MemberDraft, { phase }: { phase: Phase }) =>
  waiting?.phase === phase ? waiting.since : now;

function say(draft: MemberDraft, message: MemberMessage): void {
  if (draft.call === "attending") draft.effects.push({ type: "send", message });
}

function fail(draft: MemberDraft, failure: MemberFailure): void {
  draft.effects.push({ type: "fail", failure });
  draft.ended = true;
}

function finish(draft: MemberDraft): void {
  draft.effects.push({ type: "finish" });
  draft.ended = true;
}

function call(draft: MemberDraft): void {
  draft.call = "calling";
  draft.attempt++;
  draft.calledAt = draft.now;
  draft.effects.push({ type: "call", attempt: draft.attempt });
}

function endView(draft: MemberDraft): void {
  draft.view = undefined;
  draft.caughtUp = false;
  draft.waiting = undefined;
  draft.effects.push({ type: "endView" });
}

function hear(draft: MemberDraft, message: CoordinatorMessage, hash: string): void {
  const { welcome, prepare, view, diverged, differ, verified, finished } = message;
  const { rules, now } = draft;
  draft.heard = now;
  if (welcome) {
    draft.call = "attending";
    draft.looking = undefined;
    [draft.id, draft.runId] = [welcome.id, welcome.runId];
    for (const text of notesOn(draft.deadline, welcome)) draft.effects.push({ type: "tell", text });
    if (welcome.deadline > 0) draft.deadline = welcome.deadline;
    // Views are counted anew by a coordinator that was started again.
    [draft.viewNumber, draft.settled, draft.verified] = [0, false, -1];
    draft.entering = true;
  }
  if (prepare) {
    if (rules.fixed && draft.viewNumber > 0)
      return fail(draft, { kind: "broken", why: "a node has left it, or is lost" });
    draft.viewNumber = prepare.view;
    endView(draft);
    const { step, settled, hasSum } = draft;
    say(draft, { ready: { view: prepare.view, step, settled, hash, hasSum } });
  }
  if (view && view.view === draft.viewNumber) {
    draft.view = view;
    draft.entering = view.entering;
    if (view.need === "NOTHING") caughtUp(draft);
    else {
      draft.waiting = { phase: "FETCHED", from: [view.source], since: now };
      draft.effects.push({ type: "fetch", view });
    }
  }
  if (verified) draft.verified = verified.step;
  if (diverged) fail(draft, { kind: "diverged", ...diverged });
  else if (differ) fail(draft, { kind: "differ", ...differ });
  else if (finished) finish(draft);
}

function caughtUp(draft: MemberDraft): void {
  draft.caughtUp = true;
  draft.waiting = undefined;
  draft.settled = true;
  draft.step = draft.view!.step;
  draft.progress++;
  tellAlive(draft);
}

function fetched(draft: MemberDraft, { view: number, hash }: { view: number; hash: string }): void {
  const { view } = draft;
  if (!view || view.view !== number || draft.caughtUp) return;
  if (view.need === "STATE" && view.hash !== "" && hash !== view.hash) {
    // The fetched state belongs to no node of the run.
    [draft.step, draft.settled, draft.hasSum] = [view.step, false, false];
    return suspect(draft, view.source, "gave another state than the run's", false);
  }
  if (view.need === "STATE") draft.hasSum = false;
  caughtUp(draft);
}

function applied(draft: MemberDraft, { step, hash }: { step: number; hash?: string | undefined }): void {
  [draft.step, draft.hasSum, draft.waiting, draft.computing] = [step, true, undefined, 0];
  [draft.entering, draft.expulsions] = [false, 0];
  draft.progress++;
  if (hash !== undefined) say(draft, { parameters: { step, hash } });
  if (step >= draft.rules.to) tellAlive(draft);
}

function tellAlive(draft: MemberDraft): void {
  const { settled, step, progress, waiting } = draft;
  say(draft, { alive: { progress, step: settled ? step : 0, waitsFor: waiting?.from ?? [] } });
}

const patienceOf = ({ deadline, computing, entering, waiting }: MemberDraft): number =>
  // Sums of others may take longer: those nodes may wait themselves, and report for which members.
  (waiting?.phase === "GATHER" ? 2 : 1) * patience(deadline, computing, entering);

function suspect(draft: MemberDraft, id: number, reason: string, silent: boolean): void {
  const { view } = draft;
  if (view) say(draft, { suspect: { view: view.view, id, reason: sanitizeText(reason), silent, patience: patienceOf(draft) } }); // prettier-ignore
}

/** The call to the coordinator is over: the run goes on without this node, or there is none any more. */
function lose(draft: MemberDraft, how: CallEnd, why: string): void {
  const { rules, now, deadline, step } = draft;
  const attended = draft.call === "attending";
  draft.call = "none";
  if (how === "superseded") return fail(draft, { kind: "superseded", why });
  if (!attended) {
    if (how === "refused") return fail(draft, { kind: "refused", why });
    draft.retryAt = now + RETRY;
    return giveUp(draft, why);
  }
  if (rules.fixed && draft.viewNumber > 0)
    return fail(draft, { kind: "broken", why: `the coordinator is gone: ${why}` });
  endView(draft);
  // The remaining work is that of others, who do not need this node.
  if (draft.settled && step >= rules.to) return finish(draft);
  const expelled = how === "left out";
  draft.effects.push({
    type: "tell",
    text: expelled ? `${why}; joining again` : `the coordinator cannot be reached: ${why}; looking for it`,
  });
  if (!expelled) draft.effects.push({ type: "save" });
  draft.looking = { why: expelled ? "left out" : "lost", until: now + SEARCH * deadline, because: why };
  // A node that was left out for a lasting reason would only hinder the others.
  draft.retryAt = now + (expelled ? Math.min(deadline, RETRY * 4 ** draft.expulsions++) : RETRY);
}

/** Nobody was found within the time there is. */
function giveUp(draft: MemberDraft, why: string): void {
  const { looking, now, step, rules } = draft;
  if (!looking || now < looking.until) return;
  if (step >= rules.to) {
    draft.effects.push({ type: "tell", text: `nobody needs the state after the last step: ${why}` });
    return finish(draft);
  }
  if (looking.why === "first") fail(draft, { kind: "not admitted", why });
  else fail(draft, { kind: "lost", why: looking.because });
}

function tick(draft: MemberDraft): void {
  const { now, call: at, deadline, waiting, turnSince } = draft;
  if (at === "none") {
    if (draft.looking && now >= draft.retryAt) call(draft);
    return;
  }
  if (at === "calling") {
    if (now - draft.calledAt < deadline) return;
    draft.effects.push({ type: "hangUp" });
    return lose(draft, "unreachable", `no answer within ${deadline / 1000} s`);
  }
  // Snapshots and checkpoints between steps take time, but not without limit.
  if (turnSince !== undefined && now - turnSince < ENTERING * deadline) draft.progress++;
  tellAlive(draft);
  const limit = patience(deadline, draft.computing, draft.entering);
  if (!draft.rules.coordinates && now - draft.heard >= limit) {
    draft.effects.push({ type: "hangUp" });
    return lose(draft, "unreachable", `it was silent for ${limit / 1000} s`);
  }
  if (!waiting || now - waiting.since < patienceOf(draft)) return;
  for (const id of waiting.from) suspect(draft, id, "was silent beyond exchange.deadlineSeconds", true);
  draft.waiting = { ...waiting, since: now };
}
