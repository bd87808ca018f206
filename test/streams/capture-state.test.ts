import { from, lastValueFrom, map, of, tap, timer, toArray } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { betweenSteps } from "../../src/streams/between-steps.ts";
import { captureState } from "../../src/streams/capture-state.ts";
import { checkpoint } from "../../src/streams/checkpoint.ts";
import type { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import { TrainState, type Snapshot } from "../../src/training/train-state.ts";

const layout = layoutOf([{ name: "w", shape: [2], init: { kind: "zeros" } }]);

/** A state whose parameters and average are its step, and the operator that takes a step. */
function counting() {
  const state = TrainState.initial(layout, 1);
  const advance = tap<object>(() => {
    state.advance({ parameters: tf.fill([2], state.step + 1), m: tf.zeros([2]), v: tf.zeros([2]) });
    state.setEma(tf.fill([2], state.step));
  });
  return { state, advance };
}

describe("captureState", () => {
  it("copies the state of the steps that are looked at, in their turn", async () => {
    const { state, advance } = counting();
    const captured = from([{}, {}, {}, {}]).pipe(advance, captureState(state, { every: [2, 0, 3] }), toArray());
    const seen = (await lastValueFrom(captured)).map(({ updates, copy }) => [updates, copy?.step, copy?.ema[0]]);
    expect(seen).toEqual([
      [1, undefined, undefined],
      [2, 2, 2],
      [3, 3, 3],
      [4, 4, 4],
    ]);
    state.dispose();
  });

  it("says when each step ended, before a later stage holds it back", async () => {
    const { state, advance } = counting();
    let time = 0;
    const captured = from([{}, {}]).pipe(advance, captureState(state, { every: [0], now: () => (time += 40) }), toArray()); // prettier-ignore
    expect((await lastValueFrom(captured)).map(({ endedAt }) => endedAt)).toEqual([40, 80]);
    state.dispose();
  });

  it("shows each look its step, although the checkpoint before it takes three steps to write", () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    const { state, advance } = counting();
    const saved: number[] = [];
    const passed: number[] = [];
    const looks: [step: number, average: number][] = [];
    scheduler.run(({ cold }) => {
      const slow = {
        save: (_: string, { step, parameters }: Snapshot) => {
          saved.push(step, parameters[0]!);
          // RxJS takes an observable for the promise, and with it virtual time.
          return Object.assign(timer(3), { then: () => {} });
        },
      } as unknown as CheckpointStore;
      const steps = cold("abcdefgh|").pipe(
        map((name) => ({ name })),
        advance,
        captureState(state, { every: [2, 2] }),
        checkpoint(state, slow, { every: 2 }),
        betweenSteps(
          ({ step, ema }) => {
            looks.push([step, ema[0]!]);
            return of(step);
          },
          { every: 2, last: 100, meter: new Meter(), tell: () => {} },
        ),
      );
      steps.subscribe(({ updates }) => passed.push(updates));
    });
    expect(saved).toEqual([2, 4, 6, 8].flatMap((step) => [step, step]));
    expect(looks).toEqual([2, 4, 6, 8].map((step) => [step, step]));
    expect(passed).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    state.dispose();
  });

  it("stands once: a second one fails by name", async () => {
    const { state, advance } = counting();
    const every = { every: [1] };
    const captured = from<object[]>([{}]).pipe(advance, captureState(state, every));
    await expect(lastValueFrom(captured.pipe(captureState<object>(state, every)))).rejects.toThrow(
      "captureState: the state was captured before; captureState stands once",
    );
    state.dispose();
  });

  it.each([[[-1]], [[2, 0.5]]])("refuses every = %j", (every) => {
    const { state } = counting();
    expect(() => captureState(state, { every })).toThrow("captureState: every must be whole numbers");
    state.dispose();
  });
});
