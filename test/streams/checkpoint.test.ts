import { EMPTY, from, lastValueFrom, map, pipe, Subject, tap, throwError, toArray, concat, of } from "rxjs";
import { readdirSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { NonFiniteLossError, RunError } from "../../src/base/errors.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { readCheckpoint } from "../../src/training/checkpoints/checkpoint.ts";
import { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import { TrainState, type Snapshot } from "../../src/training/train-state.ts";
import { captureState, type Captured } from "../../src/streams/capture-state.ts";
import { checkpoint } from "../../src/streams/checkpoint.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { expectNoLeak } from "../support/tensors.ts";

const layout = layoutOf([{ name: "w", shape: [16], init: { kind: "normal", std: 1 } }]);

/** A value of the stream: which it is. */
interface Item {
  readonly at: number;
}

/** A state, its store, and a step that adds 1 to every parameter. */
function training() {
  const workdir = temporaryFolder();
  const state = TrainState.initial(layout, 1);
  const store = new CheckpointStore({ workdir, layout, config: {}, keep: 10 });
  const advance = pipe(
    map((at: number): Item => ({ at })),
    tap(() => state.advance({ parameters: tf.add(state.parameters, 1), m: tf.zeros([16]), v: tf.zeros([16]) })),
    captureState(state, { every: [1] }),
  );
  const files = (kind: "checkpoints" | "checkpoints-meta") =>
    existsSync(join(workdir, kind)) ? readdirSync(join(workdir, kind)).sort() : [];
  return { workdir, state, store, advance, files };
}

describe("checkpoint", () => {
  it("saves every so many steps and at the end, and hands the values on in order", async () => {
    await expectNoLeak(async () => {
      const { workdir, state, store, advance, files } = training();
      const start = state.snapshot().parameters;
      const values = await lastValueFrom(
        from([0, 1, 2, 3, 4]).pipe(
          advance,
          checkpoint(state, store, { every: 2 }),
          map(({ at }) => at),
          toArray(),
        ),
      );
      expect(values).toEqual([0, 1, 2, 3, 4]);
      expect(files("checkpoints")).toEqual(["checkpoint_2.arrow", "checkpoint_4.arrow", "checkpoint_5.arrow"]);
      // The copy is that of its step, although training had gone on when it was written.
      const saved = readCheckpoint(join(workdir, "checkpoints", "checkpoint_2.arrow"), layout);
      expect([...saved.parameters]).toEqual([...start.map((p) => Math.fround(Math.fround(p + 1) + 1))]);
      state.dispose();
    });
  });

  it("holds a value back until its file is written", async () => {
    const { state, store, advance, files } = training();
    const seen: [number, string[]][] = [];
    const values = from([1, 2]).pipe(advance, checkpoint(state, store, { every: 1 }));
    await lastValueFrom(values.pipe(tap(({ at }) => seen.push([at, files("checkpoints")]))));
    expect(seen[0]![1]).toContain("checkpoint_1.arrow");
    expect(seen[1]![1]).toContain("checkpoint_2.arrow");
    state.dispose();
  });

  it("writes nothing when nothing has changed", async () => {
    const { state, store, files } = training();
    await lastValueFrom(EMPTY.pipe(checkpoint<Captured>(state, store, { every: 1 })), { defaultValue: 0 });
    expect(files("checkpoints")).toEqual([]);
    state.dispose();
  });

  it("saves the last state where its file from before was set aside: the state came from others meanwhile", async () => {
    const { state, store, advance, files } = training();
    state.restore({ ...state.snapshot(), step: 4 });
    await store.save("checkpoints", state.snapshot());
    const takenOver = tap((at: number) => {
      if (at > 0) return;
      state.restore({ ...state.snapshot(), step: 2 });
      store.setAside(2);
    });
    await lastValueFrom(from([0, 1]).pipe(takenOver, advance, checkpoint(state, store, { every: 100 })));
    expect(state.step).toBe(4);
    expect(files("checkpoints")).toEqual(["checkpoint_4.arrow"]);
    state.dispose();
  });

  it("counts the last state as an interruption once told to stop", async () => {
    const { state, store, advance, files } = training();
    const stop = new AbortController();
    stop.abort();
    await lastValueFrom(from([1]).pipe(advance, checkpoint(state, store, { every: 5, signal: stop.signal })));
    expect(files("checkpoints-meta")).toEqual(["checkpoint_1.arrow"]);
    state.dispose();
  });

  it("saves before it passes on a loss that is not finite, and passes other errors on at once", async () => {
    const { state, store, advance, files } = training();
    const failing = (error: Error) =>
      concat(
        of(1),
        throwError(() => error),
      ).pipe(advance);
    const nan = new NonFiniteLossError(1, NaN);
    await expect(lastValueFrom(failing(nan).pipe(checkpoint(state, store, { every: 5 })))).rejects.toBe(nan);
    expect(files("checkpoints-meta")).toEqual(["checkpoint_1.arrow"]);
    const other = new Error("other");
    await expect(lastValueFrom(failing(other).pipe(checkpoint(state, store, { every: 5 })))).rejects.toBe(other);
    expect(files("checkpoints-meta")).toEqual(["checkpoint_1.arrow"]);
    state.dispose();
  });

  it.each([
    ["of a state that is not good", { keepsState: false }, 5, []],
    ["of a state that is saved already", { keepsState: true }, 1, []],
    ["of a good state that is not saved", { keepsState: true }, 5, ["checkpoint_1.arrow"]],
  ])("saves as the error says: %s", async (_, how, every, saved) => {
    const { state, store, advance, files } = training();
    const error = Object.assign(new RunError("lost"), how);
    const failing = concat(
      of(1),
      throwError(() => error),
    ).pipe(advance, checkpoint(state, store, { every }));
    await expect(lastValueFrom(failing)).rejects.toBe(error);
    expect(files("checkpoints-meta")).toEqual(saved);
    state.dispose();
  });

  it("lets what is being written come to its end before it tells of an error", async () => {
    const { state, store, advance, files } = training();
    const slow = Object.assign(Object.create(store) as CheckpointStore, {
      save: (kind: "checkpoints", snapshot: Snapshot) => sleep(30).then(() => store.save(kind, snapshot)),
    });
    const failing = concat(
      of(1, 2),
      throwError(() => new Error("other")),
    ).pipe(advance, checkpoint(state, slow, { every: 1 }));
    await expect(lastValueFrom(failing)).rejects.toThrow("other");
    expect(files("checkpoints")).toEqual(["checkpoint_1.arrow", "checkpoint_2.arrow"]);
    state.dispose();
  });

  it("tells of the file that could not be written in place of an error that says it was", async () => {
    const { state, store, advance } = training();
    const full = Object.assign(Object.create(store) as CheckpointStore, {
      save: () => sleep(5).then(() => Promise.reject(new Error("no space"))),
    });
    const failing = concat(
      of(1),
      throwError(() => new NonFiniteLossError(1, NaN)),
    ).pipe(advance);
    await expect(lastValueFrom(failing.pipe(checkpoint(state, full, { every: 5 })))).rejects.toThrow("no space");
    state.dispose();
  });

  it("tells of a file that cannot be written as a notification", async () => {
    const { state, store, advance } = training();
    const broken = Object.assign(Object.create(store) as CheckpointStore, {
      save: () => Promise.reject(new Error("no space")),
    });
    await expect(lastValueFrom(from([1, 2]).pipe(advance, checkpoint(state, broken, { every: 1 })))).rejects.toThrow(
      "no space",
    );
    state.dispose();
  });

  it("saves a step once: a second checkpoint fails by name", async () => {
    const { state, store, advance } = training();
    const saved = from([1, 2]).pipe(advance, checkpoint(state, store, { every: 1 }));
    const twice = saved.pipe(checkpoint<Captured<Item>>(state, store, { every: 1 }));
    await expect(lastValueFrom(twice)).rejects.toThrow("checkpoint: the value has been through it before");
    state.dispose();
  });

  it("unsubscribes from its source", async () => {
    const { state, store } = training();
    const source = new Subject<Captured>();
    const subscription = source.pipe(checkpoint(state, store, { every: 1 })).subscribe();
    expect(source.observed).toBe(true);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
    await sleep(1);
    state.dispose();
  });

  it.each([0, 1.5, -1])("refuses every = %d", (every) => {
    const { state, store } = training();
    expect(() => checkpoint(state, store, { every })).toThrow(RangeError);
    state.dispose();
  });
});
