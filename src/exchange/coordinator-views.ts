/**
 * Makes the coordinator's views: asks all members for their step, then tells them who takes part from which step on.
 */
import type { Going } from "./coordinator-judgement.ts";
import { byRank, attendingCopy, type Attending, type CoordinatorDraft } from "./coordinator-state.ts";
import type { CoordinatorMessage, GroupView, Ready } from "./messages.ts";

export const send = ({ effects }: CoordinatorDraft, { id }: Attending, message: CoordinatorMessage) => effects.push({ type: "send", id, message }); // prettier-ignore
export const tell = ({ effects }: CoordinatorDraft, text: string) => effects.push({ type: "tell", text });

export function drop(draft: CoordinatorDraft, { member, what, farewell, silent = false }: Going): void {
  draft.members = draft.members.filter((one) => one !== member);
  draft.lost = draft.now;
  const { incarnation } = member;
  if (silent) draft.idle = { ...draft.idle, [incarnation]: (draft.idle[incarnation] ?? 0) + 1 };
  if (farewell) draft.effects.push({ type: "end", id: member.id, ...farewell });
  const { length } = draft.members;
  tell(draft, `node ${member.rank} ${what}; ${length} of ${length + 1} nodes stay`);
}

export function remove(draft: CoordinatorDraft, going: readonly Going[]): void {
  if (going.length === 0) return;
  for (const one of going) drop(draft, one);
  if (draft.begun && draft.phase !== "over" && draft.members.length > 0) change(draft);
}

export function change(draft: CoordinatorDraft): void {
  draft.begun = true;
  draft.phase = "preparing";
  draft.since = draft.now;
  draft.view++;
  draft.accusations = [];
  draft.members = draft.members.map((member) => Object.assign(attendingCopy(member), { ready: undefined }));
  for (const member of draft.members) send(draft, member, { prepare: { view: draft.view } });
}

/** Determines the part of the state of `source` that a member lacks. */
function needOf({ entered, ready }: Attending, source: Ready): GroupView["need"] {
  const { step, hash, settled } = ready!;
  const same = entered && settled;
  if (step === source.step && hash === source.hash && (hash !== "" || same)) return "NOTHING";
  return same && step === source.step - 1 ? "SUM" : "STATE";
}

/** All have answered: the view can be said. */
export function settle(draft: CoordinatorDraft): void {
  if (draft.members.some(({ ready }) => ready === undefined)) return;
  const copies = draft.members.map(attendingCopy);
  draft.members = copies;
  const members = [...copies].sort(byRank);
  // Later on the state of those who have the run's; at the beginning, or if these are all gone, the newest.
  const ofRun = members.filter(({ entered, ready }) => entered && ready!.settled);
  const old = ofRun.length > 0 ? ofRun : members;
  const step = Math.max(...old.map(({ ready }) => ready!.step));
  const source = old.find(({ ready }) => ready!.step === step)!;
  const differing = ofRun.filter(({ ready }) => ready!.step === step && ready!.hash !== source.ready!.hash);
  const hashes = [source, ...differing].map(({ rank, ready }) => ({ rank, hash: ready!.hash }));
  if (differing.length > 0 && !draft.rules.mixed) return differ(draft, step, hashes);
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
    const need =
      wanted === "SUM" && (withSum.length === 0 || draft.rules.mixed) ? "STATE" : (wanted as GroupView["need"]);
    const from = need === "SUM" ? withSum : holders;
    const isNew = !member.entered;
    if (isNew) member.base = step;
    member.entered = true;
    if (need !== "SUM") member.same = step;
    // The hash belongs to a state that the member no longer has.
    if (need === "STATE") member.told = undefined;
    member.progressed = draft.now;
    const common = { view: draft.view, step, members: about, entering, hash: source.ready!.hash };
    send(draft, member, { view: { ...common, need, source: need === "NOTHING" ? 0 : from[i % from.length]!.id } });
    // A node that came back may wait for it: nobody compares that step again.
    if (isNew && draft.verified >= 0) send(draft, member, { verified: { step: draft.verified } });
  });
  compareParameters(draft, step);
}

interface Hashed {
  readonly rank: number;
  readonly hash: string;
}

const textOf = (hashes: readonly Hashed[]) =>
  hashes.map(({ rank, hash }) => `node ${rank} has ${hash.slice(0, 16)}`).join(", ");

/** Two states of one step: everybody stops. */
function differ(draft: CoordinatorDraft, step: number, hashes: readonly Hashed[]): void {
  const before = draft.verified < 0 ? "" : `; they were the same after ${draft.verified} steps`;
  for (const member of draft.members) send(draft, member, { differ: { step, text: textOf(hashes) + before } });
}

/** Compares the parameters after a step, once all have told theirs or have taken the run's over since. */
export function compareParameters(draft: CoordinatorDraft, step: number): void {
  const members = [...draft.members].sort(byRank);
  if (!draft.rules.verifies || draft.phase !== "settled" || step <= draft.verified) return;
  if (members.some(({ told, same }) => told?.step !== step && same < step)) return;
  const hashes = members.flatMap(({ rank, told }) => (told?.step === step ? [{ rank, hash: told.hash }] : []));
  if (hashes.every(({ hash }) => hash === hashes[0]!.hash)) {
    draft.verified = step;
    for (const member of members) send(draft, member, { verified: { step } });
  } else if (draft.rules.mixed) {
    tell(
      draft,
      `warning: the parameters after ${step} steps differ: ${textOf(hashes)}; all take over those of one node`,
    );
    change(draft);
  } else differ(draft, step, hashes);
}
