import { Observable } from "rxjs";
import { setImmediate } from "node:timers/promises";
import type { Group, Turn } from "../training/peers.ts";
import type { Credit } from "./credit.ts";
import { begun } from "./pull-ahead.ts";

export interface PullTurnsOptions {
  readonly peers: Group;
  readonly credit?: Credit | undefined;
  /** Turns of several steps: the round of a replica. */
  readonly rounds?: RoundTurns | undefined;
}

/** Turns that are made of many values. */
export interface RoundTurns {
  /** The values of a turn, step by step: each is of a step and a shard. */
  readonly stepsOf: (turn: Turn) => readonly (readonly Turn[])[];
  /** Bounds how many values of a turn are on their way. */
  readonly pace?: Credit | undefined;
}

/** A value in the making, ahead of its turn. */
interface Ahead<T> {
  readonly turn: Turn;
  readonly value: Promise<T>;
}

const isSame = (a: Turn | undefined, b: Turn) => a?.step === b.step && a.shard === b.shard;

/**
 * Emits what `make` makes of each turn, one a turn of the event loop, as `pull` does of a generator.
 *
 * The next turn is asked for when the stages behind have finished the value; what it will be made of, if nobody comes or
 * goes, is being read meanwhile, so that reading costs a step nothing. The first turn of a step waits for as many
 * credits as the step has shards, so that who refunds them by the step need not know how many were computed here. Credits
 * taken for a step that finished without this node carry over to the next. A step that came from others is paid for
 * afterwards. Of a turn that was given up between two of its steps no more follows.
 */
export function pullTurns<T>(
  make: (turn: Turn) => T | Promise<T>,
  { peers, credit, rounds }: PullTurnsOptions,
): Observable<T> {
  const stepsOf = rounds?.stepsOf ?? ((turn: Turn) => [[turn]]);
  return new Observable((subscriber) => {
    const closed = new AbortController();
    const turns = peers.turns(closed.signal);
    let ahead: Ahead<T> | undefined;
    const begin = (turn: Turn | undefined): Ahead<T> | undefined => {
      return turn && { turn, value: begun(() => Promise.resolve(turn).then(make)) };
    };
    const firstOf = (turn: Turn | undefined) => turn && stepsOf(turn)[0]![0];
    const loop = async () => {
      const before = peers.applied;
      let taken = 0;
      for await (const turn of turns) {
        // Each step that was applied here gives its credits back, once it is through.
        for (; taken < (peers.applied - before + 1) * peers.shards; taken++) await credit?.take({ jumps: true });
        const steps = stepsOf(turn);
        for (const [index, step] of steps.entries()) {
          if (index > 0 && !peers.owes(turn)) break;
          for (const [at, part] of step.entries()) {
            await rounds?.pace?.take({ jumps: true });
            await setImmediate();
            const value = await (isSame(ahead?.turn, part) ? ahead!.value : make(part));
            if (subscriber.closed) return;
            ahead = begin(step[at + 1] ?? steps[index + 1]?.[0] ?? firstOf(peers.after(turn)));
            subscriber.next(value);
          }
        }
      }
    };
    loop().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => {
      closed.abort();
      // Ends a loop that waits for a credit which does not come any more.
      void turns.return();
    };
  });
}
