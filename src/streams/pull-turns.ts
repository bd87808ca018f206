import { Observable } from "rxjs";
import { setImmediate } from "node:timers/promises";
import type { Group, Turn } from "../optim/peers.ts";
import type { Credit } from "./credit.ts";

export interface PullTurnsOptions {
  readonly peers: Group;
  readonly credit?: Credit | undefined;
}

/**
 * Emits what `make` makes of each turn, one a turn of the event loop, as `pull` does of a generator.
 *
 * The next turn is asked for when the stages behind have finished the value. The first turn of a step waits for as many
 * credits as the step has shards, so that who refunds them by the step need not know how many were computed here.
 */
export function pullTurns<T>(make: (turn: Turn) => T | Promise<T>, { peers, credit }: PullTurnsOptions): Observable<T> {
  return new Observable((subscriber) => {
    const closed = new AbortController();
    const turns = peers.turns(closed.signal);
    const loop = async () => {
      let step = -1;
      for await (const turn of turns) {
        for (let i = 0; i < peers.shards && turn.step !== step; i++) await credit?.take();
        step = turn.step;
        await setImmediate();
        const value = await make(turn);
        if (subscriber.closed) return;
        subscriber.next(value);
      }
    };
    loop().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => {
      closed.abort();
      // Where the loop waits for a credit that does not come any more.
      void turns.return();
    };
  });
}
