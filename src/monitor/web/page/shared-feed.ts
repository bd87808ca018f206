/** The feed of a tab: from the worker that all tabs share, or by a connection of its own where there are no such workers. */
import { connect, type ConnectionEvents } from "./connection.ts";
import "./dom.ts";
import type { FeedMessage, TabMessage } from "./feed-hub.ts";
import type { NodeData } from "./store.ts";

/** A hash of the worker's program: a tab of another version has a worker of its own. Put in by the bundler. */
declare const WORKER_VERSION: string;

export interface FeedEvents extends ConnectionEvents {
  /** Takes what has come of a node before. */
  record(record: NodeData): void;
}

/** Follows all runs until the page is left. */
export function followFeed(events: FeedEvents): void {
  // Some browsers of telephones have none.
  if (typeof SharedWorker === "undefined") return connect(events);
  const worker = new SharedWorker("feed-worker.js", WORKER_VERSION);
  const { port } = worker;
  const say = (message: TabMessage) => port.postMessage(message);
  // Its program could not be fetched.
  worker.addEventListener("error", () => connect(events), { once: true });
  port.onmessage = ({ data }: MessageEvent<FeedMessage>) => {
    switch (data.kind) {
      case "record":
        return events.record(data.record);
      case "frame":
        return events.frame(data.frame);
      case "state":
        return events.state(data.state);
      case "clock":
        return events.clock(data.ahead);
    }
  };
  say("join");
  addEventListener("pagehide", () => say("leave"));
  addEventListener("pageshow", ({ persisted }) => persisted && say("join"));
}
