import { Observable } from "rxjs";
import { setImmediate } from "node:timers/promises";
import type { Group, Turn } from "../training/peers.ts";
import type { Credit } from "./credit.ts";
import { begun } from "./pull-ahead.ts";

export interface PullTurnsOptions {
  readonly peers: Group;
  readonly credit?: Credit | undefined;
  /** For turns of several steps, which are rounds of a replica. */
  readonly rounds?: RoundTurns | undefined;
}

/** Turns that consist of many values. */
export interface RoundTurns {
  /** Returns the values of a turn, step by step; each has a step and a shard. */
  readonly stepsOf: (turn: Turn) => readonly (readonly Turn[])[];
  /** Limits how many values of a turn are in flight. */
  readonly pace?: Credit | undefined;
}

/** A value that is being read ahead of its turn. */
interface Ahead<T> {
  readonly turn: Turn;
  readonly value: Promise<T>;
}

const isSame = (a: Turn | undefined, b: Turn) => a?.step === b.step && a.shard === b.shard;

/**
 * Emits the result of `make` for each turn, one per turn of the event loop, like `pull` with a generator.
 *
 * It asks for the next turn when the later stages have finished the value. Meanwhile it reads the data of the turn that
 * follows if no node joins or leaves, so reading does not slow down a step. The first turn of a step takes one credit
 * for each shard of the step. The stage that refunds them per step then need not know how many shards this node
 * computed. Credits taken for a step that finished without this node carry over to the next. A step that other nodes
 * computed takes its credits afterwards. If a turn is given up between two of its steps, the rest of it is not emitted.
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
        // Each step that is applied here refunds its credits once it has passed.
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
      // Ends a loop that waits for a credit that will never come.
      void turns.return();
    };
  });
}
