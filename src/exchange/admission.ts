/** Decides whether a node takes a parcel now, later or never. */
import type { GroupView, Header } from "./messages.ts";

/** The point that a node has reached. */
export interface Place {
  /** Undefined between two views. */
  readonly view: GroupView | undefined;
  /** The newest view that the node heard of. */
  readonly viewNumber: number;
  readonly step: number;
  /** The state is that of `step` of the view: nothing is to be fetched first. */
  readonly settled: boolean;
}

/** "wait": its turn may come. "past": it is too late for it. "wrong": it never was in place. */
export type Admission =
  { readonly verdict: "take" | "wait" } | { readonly verdict: "past" | "wrong"; readonly why: string };

/** Decides about a parcel of this view and step. */
export function admission({ view, step, from }: Pick<Header, "view" | "step" | "from">, now: Place): Admission {
  if (view < now.viewNumber) return { verdict: "past", why: `view ${view} is over, this is ${now.viewNumber}` };
  if (!now.view || view !== now.view.view) return { verdict: "wait" };
  if (!now.view.members.some(({ id }) => id === from)) {
    return { verdict: "wrong", why: `from: view ${view} has no member ${from}` };
  }
  // A node that has not caught up yet may have an older state, or a newer one of another run.
  const at = now.settled ? now.step : now.view.step;
  if (step < at) return { verdict: "past", why: `step ${step} is over, this is ${at}` };
  if (step > at + 1) return { verdict: "wrong", why: `step: ${step} is too far ahead, this is ${at}` };
  return { verdict: step === at && now.settled ? "take" : "wait" };
}
