/** A training that ends in a look, and goes on: the looks and the state are those of one that never ended. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defer, from, ignoreElements, lastValueFrom, map, tap } from "rxjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { betweenSteps } from "../../src/streams/between-steps.ts";
import { captureState } from "../../src/streams/capture-state.ts";
import { checkpoint } from "../../src/streams/checkpoint.ts";
import { withCredit } from "../../src/streams/credit.ts";
import { pull } from "../../src/streams/pull.ts";
import { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import { TrainState, type Snapshot } from "../../src/training/train-state.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const layout = layoutOf([{ name: "w", shape: [16], init: { kind: "normal", std: 1 } }]);
const LAST = 7;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Training {
  readonly workdir: string;
  readonly checkpointEvery: number;
  /** Called in the look at a step, once the step after it is taken. */
  readonly within?: (step: number) => void;
  readonly signal?: AbortSignal;
}

/** Steps that add 1 to the parameters, with a look at every second one. */
function training({ workdir, checkpointEvery, within, signal = new AbortController().signal }: Training) {
  const store = new CheckpointStore({ workdir, layout, config: {}, keep: 10 });
  const found = store.load(() => {});
  const state = found ? new TrainState(layout, found.snapshot) : TrainState.initial(layout, 1);
  const begun = state.step;
  const seen: (readonly [step: number, parameter: number])[] = [];
  const look = ({ step, parameters }: Snapshot) => {
    const at = parameters[0]!;
    const looking = async () => {
      // A look that is made up for begins before any step.
      for (let i = 0; i < 10 || (step > begun && state.step === step); i++) await turn();
      within?.(step);
      await turn();
      if (!signal.aborted) seen.push([step, at]);
    };
    return defer(() => from(looking())).pipe(ignoreElements());
  };
  function* steps() {
    for (let at = state.step; at < LAST && !signal.aborted; at++) yield { at };
  }
  const stream = withCredit(2, (credit) =>
    pull(steps, credit).pipe(
      tap(() => state.advance({ parameters: tf.add(state.parameters, 1), m: tf.zeros([16]), v: tf.zeros([16]) })),
      captureState(state, { every: [checkpointEvery, 2] }),
      checkpoint(state, store, { every: checkpointEvery, signal }),
      betweenSteps(look, {
        every: 2,
        last: LAST,
        meter: new Meter(),
        tell: () => {},
        signal,
        resume: { state, store },
      }),
      credit.refund(),
      map(({ at }) => at),
    ),
  );
  return { stream, state, seen, store };
}

const saved = (workdir: string, kind: string, step: number) =>
  existsSync(join(workdir, kind, `checkpoint_${step}.arrow`));

describe("a training that ends in a look", () => {
  const undisturbed = async () => {
    const { stream, state, seen } = training({ workdir: temporaryFolder(), checkpointEvery: 100 });
    await lastValueFrom(stream);
    expect(seen.map(([step]) => step)).toEqual([2, 4, 6]);
    const digest = state.digest();
    state.dispose();
    return { seen, digest };
  };

  const goesOn = async (workdir: string, checkpointEvery: number, before: readonly (readonly [number, number])[]) => {
    const whole = await undisturbed();
    const { stream, state, seen } = training({ workdir, checkpointEvery });
    expect(state.step).toBe(4);
    await lastValueFrom(stream);
    expect([...before, ...seen]).toEqual(whole.seen);
    expect(state.digest()).toBe(whole.digest);
    state.dispose();
  };

  it.each([
    ["that is on the disk", 4, "checkpoints"],
    ["that is not", 100, "checkpoints-meta"],
    ["before that of a checkpoint", 5, "checkpoints-meta"],
  ])("by a stop goes on from the state of the look, %s", async (_, checkpointEvery, kind) => {
    const [workdir, stop] = [temporaryFolder(), new AbortController()];
    const within = (step: number) => step === 4 && stop.abort();
    const { stream, state, seen, store } = training({ workdir, checkpointEvery, within, signal: stop.signal });
    await lastValueFrom(stream);
    expect(seen.map(([step]) => step)).toEqual([2]);
    // What a stopped run tells is what it saved.
    expect([state.step, store.newest]).toEqual([4, join(workdir, kind, "checkpoint_4.arrow")]);
    expect(saved(workdir, "checkpoints", 5)).toBe(false);
    state.dispose();
    await goesOn(workdir, checkpointEvery, seen);
  });

  it("by a kill makes it again, where it goes on from the state of the look", async () => {
    const [workdir, checkpointEvery] = [temporaryFolder(), 4];
    let reached = () => {};
    const inLook = new Promise<void>((resolve) => (reached = resolve));
    const within = (step: number) => step === 4 && reached();
    const { stream, state, seen } = training({ workdir, checkpointEvery, within });
    const killed = stream.subscribe();
    await inLook;
    const before = [...seen];
    expect([4, 5].map((step) => saved(workdir, "checkpoints", step))).toEqual([true, false]);
    killed.unsubscribe();
    await turn();
    state.dispose();
    await goesOn(workdir, checkpointEvery, before);
  });
});
