import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { statusError } from "../../../src/grpc/receive.ts";
import type { Wire } from "../../../src/grpc/exchange/wire.ts";
import { aloneTo, startNode, type RunningNode } from "./fixture.ts";

const STEPS = 40;

/** Uniform numbers of [0, 1), a function of the seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A connection on which now and then something goes wrong. */
function unreliable(wire: Wire, random: () => number): Wire {
  return {
    ...wire,
    async deliver(to, header, vectors, signal) {
      const luck = random();
      if (luck < 0.03) throw statusError(14, "broken before");
      if (luck < 0.05) return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      if (luck < 0.12) await delay(random() * 20);
      await wire.deliver(to, header, vectors, signal);
      if (luck > 0.97) throw statusError(14, "broken after it had arrived");
    },
    async fetch(...args) {
      const luck = random();
      if (luck < 0.05) throw statusError(14, "broken before");
      const vectors = await wire.fetch(...args);
      if (luck > 0.95) throw statusError(14, "broken at its end");
      return vectors;
    },
  };
}

describe("faults at random", { timeout: 60_000 }, () => {
  it.each([1, 2, 3])("neither lose, double nor change a step (seed %i)", async (seed) => {
    const random = numbers(seed);
    const setup = { to: STEPS, deadline: 200, group: { wire: (wire: Wire) => unreliable(wire, random) } };
    const first = startNode({ ...setup, world: 2 });
    const join = await first.endpoint;
    const started: RunningNode[] = [first];
    let others: RunningNode[] = [];
    let over = false;
    void first.ended.then(() => (over = true));
    const run = async () => {
      while (!over) {
        if (others.length < 3 && random() < 0.8) {
          const node = startNode({ ...setup, join });
          started.push(node);
          others.push(node);
        } else if (others.length > 1 && random() < 0.3) {
          others.splice(Math.floor(random() * others.length), 1)[0]!.kill();
        }
        await Promise.race([delay(30), first.ended]);
        others = others.filter((node) => node.state.step < STEPS);
      }
    };
    await Promise.race([run(), first.ended]);
    const whole = await aloneTo(STEPS);
    for (const { ended, told } of started) {
      const { digest, error } = await ended;
      // Who was killed, or came when all was over, did not get to the end.
      if (told.steps.at(-1) === STEPS - 1 || started[0]!.ended === ended) {
        expect(error).toBeUndefined();
        expect(digest).toBe(whole.digest);
      }
      told.steps.forEach((step, i) => {
        if (i > 0) expect(step).toBeGreaterThan(told.steps[i - 1]!);
        expect(told.losses[i]).toBe(whole.losses[step]);
      });
    }
    // A stall longer than the deadline makes the first node take over the state of a step, and say so.
    const takenOver = first.messages.flatMap(
      (text) => /the state after (\d+) steps was taken over/.exec(text)?.[1] ?? [],
    );
    const all = Array.from({ length: STEPS }, (_, step) => step);
    const missing = all.filter((step) => !first.told.steps.includes(step));
    expect(takenOver.map(Number)).toEqual(expect.arrayContaining(missing.map((step) => step + 1)));
    expect(first.told.steps.at(-1)).toBe(STEPS - 1);
    expect(started.length).toBeGreaterThan(2);
  });
});
