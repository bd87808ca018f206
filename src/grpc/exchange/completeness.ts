/** Checks whether everything that a phase of a step needs has arrived. */
import type { Inbox } from "./inbox.ts";
import type { MemberEvent } from "../../exchange/member-state.ts";
import type { Member, Phase } from "../../exchange/messages.ts";

/** @returns A function that looks, and tells the rules who is missing each time that has changed. */
export function completeness(
  from: readonly Member[],
  phase: Phase,
  inbox: Pick<Inbox, "get">,
  tell: (event: MemberEvent) => void,
): () => boolean {
  let told: number | undefined;
  return () => {
    const missing = from.filter(({ id }) => !inbox.get(id, phase)?.complete).map(({ id }) => id);
    if (missing.length !== told) tell({ type: "waits", phase, from: missing });
    told = missing.length;
    return told === 0;
  };
}
