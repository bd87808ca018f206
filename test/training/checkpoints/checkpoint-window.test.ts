/** Sums since the last log step, in the files of a workdir. */
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { readRunCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import { CheckpointStore } from "../../../src/training/checkpoints/checkpoint-store.ts";
import type { NoiseWindow } from "../../../src/training/noise-window.ts";
import { layoutWith, SHAPES, snapshotOf, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);
const window = { step: 7, count: 3, loss: 6.5, gradNorm: 1.25, learningRate: 2e-4 };

/** What a store writes with this configuration, and another one then loads. */
async function roundTrip(config: object, sums?: typeof window, goneBack?: number, noise?: NoiseWindow) {
  const workdir = dirname(temporaryFile("none"));
  const snapshot = {
    ...snapshotOf(layout),
    ...(sums && { window: sums }),
    ...(goneBack && { goneBack }),
    ...(noise && { noise }),
  };
  const path = await new CheckpointStore({ workdir, layout, config, keep: 2 }).save("checkpoints", snapshot);
  const store = new CheckpointStore({ workdir, layout, config: {}, keep: 2 });
  const found = store.load(() => {})!;
  return { written: JSON.parse(readRunCheckpoint(path, layout).config) as unknown, found, loaded: store.loaded };
}

describe("the sums since the last log step", () => {
  it("are written beside the configuration", async () => {
    expect((await roundTrip({ seed: 1 }, window)).written).toEqual({ seed: 1, window });
  });

  it("come back with the whole state, and not with the configuration", async () => {
    const { found, loaded } = await roundTrip({ seed: 1 }, window);
    expect(found.snapshot).toEqual({ ...snapshotOf(layout), window });
    expect(loaded).toEqual({ seed: 1 });
  });

  it("have the number of steps that were taken again beside them", async () => {
    const { written, found, loaded } = await roundTrip({ seed: 1 }, window, 3);
    expect(written).toEqual({ seed: 1, window, goneBack: 3 });
    expect(found.snapshot).toEqual({ ...snapshotOf(layout), window, goneBack: 3 });
    expect(loaded).toEqual({ seed: 1 });
    const damaged = await roundTrip({ seed: 1, goneBack: "many" });
    expect(damaged.found.snapshot).toStrictEqual(snapshotOf(layout));
    expect(damaged.loaded).toEqual({ seed: 1 });
  });

  it("of the losses by their noise are kept, too", async () => {
    const noise = { step: 7, range: [-1, 2] as const, curves: [{ sums: [0.5, 3], counts: [1, 2] }] };
    const { written, found, loaded } = await roundTrip({ seed: 1 }, window, undefined, noise);
    expect(written).toEqual({ seed: 1, window, lossByNoise: noise });
    expect(found.snapshot).toEqual({ ...snapshotOf(layout), window, noise });
    expect(loaded).toEqual({ seed: 1 });
  });

  it("are neither written nor read where nobody sums", async () => {
    const { written, found, loaded } = await roundTrip({ seed: 1 });
    expect([written, loaded]).toEqual([{ seed: 1 }, { seed: 1 }]);
    expect(found.snapshot).toStrictEqual(snapshotOf(layout));
  });

  it("are not taken from a file where they are not whole", async () => {
    const { found, loaded } = await roundTrip({ seed: 1, window: { ...window, loss: null } });
    expect(found.snapshot).toStrictEqual(snapshotOf(layout));
    expect(loaded).toEqual({ seed: 1 });
  });
});
