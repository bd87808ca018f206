/** The feed of a tab: from the worker that all tabs share, or by a connection of its own where there are no such workers. */
import { runNames } from "./api.ts";
import { connect, type ConnectionEvents } from "./connection.ts";
import "./dom.ts";
import type { FeedMessage, TabMessage } from "./feed-hub.ts";
import type { NodeData } from "./store.ts";

/** A hash of the worker's program: a tab of another version has a worker of its own. Put in by the bundler. */
declare const WORKER_VERSION: string;

export interface FeedEvents extends ConnectionEvents {
  /** Takes what has come of a node before. */
  record(record: NodeData): void;
  /** Takes away runs whose records were removed. */
  gone(runs: readonly string[]): void;
}

export interface FollowedFeed {
  /** Asks which runs the server still has. */
  check(): void;
}

/** ms between looks for records that were removed. */
const CHECK = 60_000;

/** A connection of this tab's own. */
function ownFeed(events: FeedEvents): FollowedFeed {
  const known = new Set<string>();
  const frame: FeedEvents["frame"] = (next) => (known.add(next.run), events.frame(next));
  connect({ ...events, frame });
  const check = async () => {
    const there = await runNames();
    const gone = there ? [...known].filter((run) => !there.includes(run)) : [];
    for (const run of gone) known.delete(run);
    events.gone(gone);
  };
  return { check: () => void check() };
}

/** Follows all runs until the page is left. */
export function followFeed(events: FeedEvents): FollowedFeed {
  const feed = sharedFeed(events);
  setInterval(() => feed.check(), CHECK);
  return feed;
}

function sharedFeed(events: FeedEvents): FollowedFeed {
  // Some browsers of telephones have none.
  if (typeof SharedWorker === "undefined") return ownFeed(events);
  const worker = new SharedWorker("feed-worker.js", WORKER_VERSION);
  const { port } = worker;
  const say = (message: TabMessage) => port.postMessage(message);
  // Its program could not be fetched.
  let own: FollowedFeed | undefined;
  worker.addEventListener("error", () => (own = ownFeed(events)), { once: true });
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
      case "gone":
        return events.gone(data.runs);
    }
  };
  say("join");
  addEventListener("pagehide", () => say("leave"));
  addEventListener("pageshow", ({ persisted }) => persisted && say("join"));
  return { check: () => (own ? own.check() : say("check")) };
}
