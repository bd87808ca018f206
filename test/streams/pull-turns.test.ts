import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { lastValueFrom, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Group, Turn } from "../../src/training/peers.ts";
import { withCredit } from "../../src/streams/credit.ts";
import { pullTurns } from "../../src/streams/pull-turns.ts";

/** Gives turns, and tells of sums applied between them. */
function group(given: readonly (Turn | "applied")[]): Group {
  return {
    alone: false,
    after: ({ step }) => ({ step: step + 1, shard: 0 }),
    shards: 2,
    applied: 0,
    async *turns() {
      for (const turn of given) {
        if (turn === "applied") (this as { applied: number }).applied++;
        else yield turn;
      }
    },
    add: () => {},
    verified: async () => {},
    owes: () => false,
    reconsider: () => {},
    onSum: () => () => {},
  };
}

const turn = (step: number, shard = 0): Turn => ({ step, shard });

describe("pullTurns", () => {
  it("goes on after steps that others finished without it, however many", async () => {
    const steps = [0, 3, 7, 9, 12];
    const peers = group(steps.map((step) => turn(step)));
    const source = withCredit(4, (credit) => pullTurns(({ step }) => step, { peers, credit }));
    expect(await lastValueFrom(source.pipe(toArray()))).toEqual(steps);
  });

  it("waits until an applied step has given its credits back", async () => {
    const peers = group([turn(0), turn(0, 1), "applied", turn(1), "applied", turn(2)]);
    const seen: number[] = [];
    let refund = () => {};
    const source = withCredit(4, (credit) => {
      const applied = of(0).pipe(credit.refund(2));
      refund = () => void applied.subscribe();
      return pullTurns(({ step }) => step, { peers, credit });
    });
    const done = new Promise<void>((resolve, reject) =>
      source.subscribe({ next: (step) => void seen.push(step), error: reject, complete: resolve }),
    );
    await expect.poll(() => seen).toEqual([0, 0, 1]);
    refund();
    await done;
    expect(seen).toEqual([0, 0, 1, 2]);
  });

  it("makes the turn to come before it is given, and gives up what does not come", async () => {
    const made: number[] = [];
    const make = async ({ step }: Turn) => {
      made.push(step);
      if (step === 2) throw new Error("this step was never asked for");
      return step;
    };
    let give = () => {};
    const given = new Promise<void>((resolve) => (give = resolve));
    const peers = {
      ...group([]),
      async *turns() {
        yield turn(0);
        await given;
        yield turn(1);
        yield turn(5);
      },
    };
    const done = lastValueFrom(pullTurns(make, { peers }).pipe(toArray()));
    await expect.poll(() => made).toEqual([0, 1]);
    give();
    expect(await done).toEqual([0, 1, 5]);
    expect(made).toEqual([0, 1, 2, 5, 6]);
  });

  it("fails with what reading the turn to come failed with, once it comes", async () => {
    const make = async ({ step }: Turn) => (step === 1 ? Promise.reject(new Error("damaged")) : step);
    const source = pullTurns(make, { peers: group([turn(0), turn(1)]) });
    await expect(lastValueFrom(source)).rejects.toThrow("damaged");
  });

  it("emits the values of a turn of many steps, until it is given up between two of them", async () => {
    const stepsOf = ({ step, shard }: Turn) =>
      [0, 1, 2].map((i) => [0, 1].map((j) => turn(3 * step + i, 2 * shard + j)));
    const seen: string[] = [];
    const peers = { ...group([turn(0, 1), turn(1, 0)]), owes: ({ step }: Turn) => step === 1 || seen.length < 4 };
    const read: string[] = [];
    const name = ({ step, shard }: Turn) => `${step}/${shard}`;
    const make = async (turn: Turn) => (read.push(name(turn)), name(turn));
    const source = pullTurns(make, { peers, rounds: { stepsOf } });
    await new Promise<void>((resolve, reject) =>
      source.subscribe({ next: (value) => void seen.push(value), error: reject, complete: resolve }),
    );
    const second = ["3/0", "3/1", "4/0", "4/1", "5/0", "5/1"];
    expect(seen).toEqual(["0/2", "0/3", "1/2", "1/3", ...second]);
    // One ahead each time: the third step of the turn that was given up, and the turn that would have come.
    expect(read).toEqual(["0/2", "0/3", "1/2", "1/3", "2/2", ...second, "6/0"]);
  });

  it("lets a turn run no further ahead than its pace", async () => {
    const stepsOf = ({ shard }: Turn) => [0, 1, 2].map((step) => [turn(step, shard)]);
    const peers = { ...group([turn(0)]), owes: () => true };
    const seen: number[] = [];
    let refund = () => {};
    const source = withCredit(1, (pace) => {
      const ended = of(0).pipe(pace.refund(1));
      refund = () => void ended.subscribe();
      return pullTurns(({ step }) => step, { peers, rounds: { stepsOf, pace } });
    });
    const done = new Promise<void>((resolve) =>
      source.subscribe({ next: (step) => void seen.push(step), complete: resolve }),
    );
    await expect.poll(() => seen).toEqual([0]);
    for (let i = 0; i < 5; i++) await setImmediate();
    expect(seen).toEqual([0]);
    refund();
    await expect.poll(() => seen).toEqual([0, 1]);
    refund();
    await done;
  });

  it("counts the steps that were applied since it began, not those before", async () => {
    const peers = { ...group([turn(6), turn(6, 1)]), applied: 6 };
    const source = withCredit(2, (credit) => pullTurns(({ shard }) => shard, { peers, credit }));
    expect(await lastValueFrom(source.pipe(toArray()))).toEqual([0, 1]);
  });

  it("tells a group that waits for a turn when nobody wants more", async () => {
    let left = false;
    const peers = {
      ...group([]),
      async *turns(closed: AbortSignal) {
        try {
          await once(closed, "abort");
          yield turn(0);
        } finally {
          left = true;
        }
      },
    };
    const made: Turn[] = [];
    const subscription = pullTurns((next) => made.push(next), { peers }).subscribe();
    await setImmediate();
    expect(left).toBe(false);
    subscription.unsubscribe();
    await setImmediate();
    expect([left, made]).toEqual([true, []]);
  });
});
