import { lastValueFrom, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Group, Turn } from "../../src/optim/peers.ts";
import { withCredit } from "../../src/streams/credit.ts";
import { pullTurns } from "../../src/streams/pull-turns.ts";

/** Gives turns, and tells of sums applied between them. */
function group(given: readonly (Turn | "applied")[]): Group {
  return {
    alone: false,
    shards: 2,
    applied: 0,
    async *turns() {
      for (const turn of given) {
        if (turn === "applied") (this as { applied: number }).applied++;
        else yield turn;
      }
    },
    add: () => {},
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
      refund = () => void of(0).pipe(credit.refund(2)).subscribe();
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
});
