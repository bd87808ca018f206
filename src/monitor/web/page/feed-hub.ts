/** One connection for all tabs of a browser: what has come is kept here, and told to each tab that joins. */
import type { Frame } from "../frames.ts";
import { connect, type ConnectionEvents, type ConnectionState } from "./connection.ts";
import { PageStore, type NodeData } from "./store.ts";

/** A message to a tab. */
export type FeedMessage =
  | { readonly kind: "record"; readonly record: NodeData }
  | { readonly kind: "frame"; readonly frame: Frame }
  | { readonly kind: "state"; readonly state: ConnectionState }
  | { readonly kind: "clock"; readonly ahead: number }
  | { readonly kind: "gone"; readonly runs: readonly string[] };

/** A message from a tab. */
export type TabMessage = "join" | "leave" | "check";

/** The part of a MessagePort that is needed. */
export interface TabPort {
  postMessage(message: FeedMessage): void;
}

export interface HubOptions {
  readonly connect?: (events: ConnectionEvents) => void;
  /** The runs that the server has now; undefined where it does not answer. */
  readonly runs: () => Promise<readonly string[] | undefined>;
}

/** Opens the connection; gives the way in for tabs. */
export function feedHub({ connect: open = connect, runs }: HubOptions) {
  const store = new PageStore();
  const tabs = new Set<TabPort>();
  let state: ConnectionState = "connecting";
  let ahead = 0;
  const tell = (message: FeedMessage) => {
    for (const tab of tabs) tab.postMessage(message);
  };
  /** Records may have been removed, or another server have come to this address. */
  const forget = async (known: readonly string[]) => {
    const there = await runs();
    const gone = there ? known.filter((run) => !there.includes(run)) : [];
    if (gone.length === 0) return;
    store.drop(gone);
    tell({ kind: "gone", runs: gone });
  };
  open({
    places: () => store.places(),
    frame(frame) {
      store.add(frame, Date.now() + ahead);
      tell({ kind: "frame", frame });
    },
    state(next) {
      if (next === "live" && store.runs.size > 0) void forget([...store.runs.keys()]);
      state = next;
      tell({ kind: "state", state });
    },
    clock(next) {
      ahead = next;
      tell({ kind: "clock", ahead });
    },
  });
  return {
    receive(tab: TabPort, message: TabMessage): void {
      if (message === "check") return void forget([...store.runs.keys()]);
      tabs.delete(tab);
      if (message === "leave") return;
      tab.postMessage({ kind: "clock", ahead });
      for (const record of store.records()) tab.postMessage({ kind: "record", record });
      tab.postMessage({ kind: "state", state });
      tabs.add(tab);
    },
  };
}
