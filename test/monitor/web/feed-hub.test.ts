/** One connection for all tabs of a browser. */
import { describe, expect, it } from "vitest";
import type { Frame } from "../../../src/monitor/web/frames.ts";
import type { ConnectionEvents } from "../../../src/monitor/web/page/connection.ts";
import { feedHub, type FeedMessage } from "../../../src/monitor/web/page/feed-hub.ts";
import { PageStore } from "../../../src/monitor/web/page/store.ts";
import { metrics } from "../fixture.ts";

const frame = (run: string, first: number, last: number): Frame => {
  return { run, node: "n", first, last, dropped: 0, metrics: metrics(first, last) };
};

/** A hub on a server that is told what to say, and tabs that keep what they hear, as a browser copies it. */
function opened(there: readonly string[] = []) {
  const feeds: ConnectionEvents[] = [];
  const hub = feedHub({ connect: (events) => void feeds.push(events), runs: async () => there });
  const tab = () => {
    const heard: FeedMessage[] = [];
    const port = { postMessage: (message: FeedMessage) => void heard.push(structuredClone(message)) };
    return { heard, join: () => hub.receive(port, "join"), leave: () => hub.receive(port, "leave") };
  };
  return { feed: feeds[0]!, feeds, tab };
}
const kinds = (heard: readonly FeedMessage[]) => heard.map(({ kind }) => kind);

describe("feedHub", () => {
  it("opens one connection, and tells every tab what comes", () => {
    const { feed, feeds, tab } = opened();
    const tabs = [tab(), tab(), tab()];
    for (const each of tabs) each.join();
    feed.frame(frame("r", 1, 2));
    expect(feeds).toHaveLength(1);
    for (const { heard } of tabs) expect(heard.at(-1)).toEqual({ kind: "frame", frame: frame("r", 1, 2) });
    tabs[0]!.leave();
    feed.frame(frame("r", 3, 3));
    expect(tabs.map(({ heard }) => kinds(heard).filter((kind) => kind === "frame").length)).toEqual([1, 2, 2]);
  });

  it("tells a tab that comes later all there was, and once what comes then", () => {
    const { feed, tab } = opened();
    feed.clock(5000);
    feed.state("live");
    feed.frame(frame("r", 1, 3));
    feed.frame(frame("s", 1, 1));
    const late = tab();
    late.join();
    late.join();
    expect(kinds(late.heard)).toEqual(["clock", "record", "record", "state", "clock", "record", "record", "state"]);
    const store = new PageStore();
    for (const message of late.heard) if (message.kind === "record") store.take(message.record);
    feed.frame(frame("r", 3, 3));
    feed.frame(frame("r", 4, 4));
    for (const message of late.heard) if (message.kind === "frame") store.add(message.frame);
    expect(late.heard.filter(({ kind }) => kind === "frame")).toHaveLength(2);
    expect([...store.runs.keys()]).toEqual(["r", "s"]);
    expect(store.nodes("r")[0]!.series.get("train/loss")).toMatchObject({ steps: [1, 2, 3, 4], values: [0.25, 0.5, 0.75, 1] }); // prettier-ignore
    expect(store.places()).toEqual(["5,r,n", "2,s,n"]);
  });

  it("tells new tabs nothing of runs that a later server does not have", async () => {
    const { feed, tab } = opened(["new"]);
    const early = tab();
    early.join();
    feed.state("live");
    feed.frame(frame("old", 1, 1));
    feed.state("lost");
    feed.state("live");
    feed.frame(frame("new", 1, 1));
    await Promise.resolve();
    await Promise.resolve();
    const late = tab();
    late.join();
    const gone = (heard: readonly FeedMessage[]) => heard.filter(({ kind }) => kind === "gone");
    expect(gone(early.heard)).toEqual([{ kind: "gone", runs: ["old"] }]);
    const runs = late.heard.flatMap((message) => (message.kind === "record" ? [message.record.run] : []));
    expect(runs).toEqual(["new"]);
    feed.state("lost");
    feed.state("live");
    await Promise.resolve();
    await Promise.resolve();
    expect(gone(early.heard)).toHaveLength(1);
  });
});
