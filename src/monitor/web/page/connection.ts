/** The live feed, opened again where it breaks off or falls silent. */
import type { Frame } from "../frames.ts";
import "./dom.ts";

export type ConnectionState = "connecting" | "live" | "ended" | "lost";

export interface ConnectionEvents {
  /** Values of the query's `from`: where to go on, first those for which it matters most. */
  places(): string[];
  frame(frame: Frame): void;
  state(state: ConnectionState): void;
  /** ms that the server's clock is ahead of this one. */
  clock(ahead: number): void;
}

/** Points of each metric's past that are asked for; more than a screen has pixels. */
const POINTS = 5000;
/** Characters of a query at most: servers bound the head of a request, nginx at 8 KiB and Node at 16. */
const QUERY = 6000;
/** ms before the first new attempt, and at most. */
const [SOON, LATE] = [1000, 15_000];
/** ms without an event after which the connection counts as broken; the server gives a sign of life every 15 s. */
export const FEED_SILENCE = 35_000;

/** The query of a feed: where to go on, for as many nodes as have room; what came of the others comes again. */
function feedQuery(places: readonly string[]): URLSearchParams {
  const query = new URLSearchParams({ points: String(POINTS) });
  let room = QUERY;
  for (const place of places) {
    room -= new URLSearchParams({ from: place }).toString().length + 1;
    if (room < 0) break;
    query.append("from", place);
  }
  return query;
}

/** Connects until the page is left. */
export function connect({ places, frame, state, clock }: ConnectionEvents): void {
  let wait = SOON;
  // Once a run has told its end, silence is no loss; it may go on later, at the same address.
  let ended = false;
  const open = () => {
    const source = new EventSource(`api/feed?${feedQuery(places())}`);
    let silence: ReturnType<typeof setTimeout>;
    const again = () => {
      clearTimeout(silence);
      source.close();
      state(ended ? "ended" : "lost");
      setTimeout(open, wait);
      wait = Math.min(2 * wait, LATE);
    };
    const watchdog = () => {
      clearTimeout(silence);
      silence = setTimeout(again, FEED_SILENCE);
    };
    const on = (name: string, act: (data: unknown) => void) =>
      source.addEventListener(name, (event) => {
        watchdog();
        act(JSON.parse((event as MessageEvent<string>).data));
      });
    watchdog();
    on("hello", (data) => {
      clock(Date.parse((data as { now: string }).now) - Date.now());
      wait = SOON;
      ended = false;
      state("live");
    });
    on("metrics", (data) => frame(data as Frame));
    on("alive", () => {});
    on("end", () => {
      ended = true;
      again();
    });
    on("failed", again);
    source.addEventListener("error", again);
  };
  state("connecting");
  open();
}
