/** Tells addresses of a run's end and of metrics beyond a line; for a run in a thread of its own, see {@link notifyThread}. */
import type { Observable } from "rxjs";
import type { Entry, StateEntry } from "../../metrics/metric.ts";
import { isOver } from "../../metrics/run-state.ts";
import { RunFeed } from "../feed.ts";
import { MetricLog } from "../metric-log.ts";
import { recordThread, type RecordThread } from "../record-thread.ts";
import type { Follower } from "../record-worker.ts";
import type { MetricLine } from "./crossing.ts";
import { Occasions } from "./occasions.ts";
import { Poster } from "./poster.ts";

export interface NotifyTarget {
  readonly urls: readonly string[];
  readonly lines: readonly MetricLine[];
}

/** ms without a word after which a loss is no news: a monitor that starts would tell it each time. */
const OLD = 24 * 3600_000;

interface Heard {
  readonly live: Observable<readonly Entry[]>;
  states(): readonly StateEntry[];
}

/** The state as it would have been told, had somebody listened. */
function toldBefore(entry: StateEntry): StateEntry {
  const { state } = entry;
  const old = !isOver(state) && Date.now() - Date.parse(state.time) > OLD;
  return old ? { ...entry, state: { ...state, phase: "lost" } } : entry;
}

/** Posts the occasions of a feed from now on. @returns What ends it, given the ms that it may take. */
export function notify({ urls, lines }: NotifyTarget, feed: Heard, tell: (text: string) => void) {
  const occasions = new Occasions(lines);
  occasions.remember(feed.states().map(toldBefore));
  const posters = urls.map((url) => new Poster({ url, tell }));
  const heard = feed.live.subscribe((entries) => {
    for (const notice of occasions.take(entries)) for (const poster of posters) poster.post(notice);
  });
  return async (grace: number): Promise<void> => {
    heard.unsubscribe();
    await Promise.all(posters.map((poster) => poster.close(grace)));
  };
}

export interface RunNotifyOptions extends NotifyTarget {
  /** The run's `metrics.jsonl`, which another thread writes. */
  readonly path: string;
  readonly runId: string;
  readonly node: string;
}

/** Follows a run's record, in this thread. */
export async function runNotify(options: RunNotifyOptions, tell: (text: string) => void): Promise<Follower<undefined>> {
  const feed = new RunFeed(new MetricLog(options.path, options));
  const end = notify(options, feed, tell);
  return {
    ready: undefined,
    refresh: () => feed.refresh(),
    async close(grace) {
      feed.close();
      await end(grace);
    },
  };
}

export const notifyThread = (
  options: RunNotifyOptions,
  tell: (text: string) => void,
): Promise<RecordThread<undefined>> =>
  recordThread({
    program: new URL("./notify-worker.ts", import.meta.url),
    options,
    purpose: "sending notices",
    tell,
  });
