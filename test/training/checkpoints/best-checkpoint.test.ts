import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { readArrowFile, writeArrowFile } from "../../../src/data/formats/arrow-file.ts";
import { bestBound, bestPath, namedCheckpoint } from "../../../src/training/checkpoints/best-checkpoint.ts";
import { readCheckpoint, readRunCheckpoint, writeCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import { CheckpointStore } from "../../../src/training/checkpoints/checkpoint-store.ts";
import { layoutWith, SHAPES, snapshotOf, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);
const by = { times: 2, images: [3, 5], rate: undefined };

const emptyWorkdir = () => dirname(temporaryFile("none"));

/** A workdir whose best checkpoint has this bound. */
async function withBest(bound: number, step = 7) {
  const workdir = emptyWorkdir();
  const store = new CheckpointStore({ workdir, layout, config: { seed: 1 }, keep: 2 });
  return { workdir, store, path: await store.saveBest(snapshotOf(layout, step), { bound, by }) };
}

describe("the best checkpoint", () => {
  it("is best.arrow among the others", () => {
    expect(bestPath("runs/a")).toBe(join("runs", "a", "checkpoints", "best.arrow"));
  });

  it("has the state, the run's configuration and the bound", async () => {
    const { workdir, path } = await withBest(3.5);
    expect(path).toBe(bestPath(workdir));
    const { snapshot, config } = readRunCheckpoint(path, layout);
    expect(snapshot).toEqual(snapshotOf(layout));
    expect(JSON.parse(config)).toEqual({ seed: 1, heldOut: { bound: 3.5, by: { times: 2, images: [3, 5] } } });
  });

  it("gives way to the next one, and is neither the newest nor loaded", async () => {
    const { workdir, store, path } = await withBest(3.5);
    await store.saveBest(snapshotOf(layout, 9), { bound: 3.25, by });
    expect(readCheckpoint(path, layout).step).toBe(9);
    expect(await bestBound(workdir, by)).toBe(3.25);
    expect([store.newest, store.load(() => {})]).toEqual([undefined, undefined]);
  });

  it("waits until its step is allowed", async () => {
    const { store, path } = await withBest(3.5);
    const asked: number[] = [];
    store.heed(async (step) => {
      asked.push(step);
      throw new Error("other nodes have another state");
    });
    await expect(store.saveBest(snapshotOf(layout, 8), { bound: 1, by })).rejects.toThrow("another state");
    expect([asked, readCheckpoint(path, layout).step]).toEqual([[8], 7]);
  });
});

describe("going back to a state of other nodes", () => {
  it("sets the best checkpoint aside, whatever its step", async () => {
    const { workdir, store, path } = await withBest(3.5);
    expect(store.setAside(100)).toBe(join(workdir, "checkpoints-set-aside"));
    expect(existsSync(path)).toBe(false);
    const kept = join(workdir, "checkpoints-set-aside", "checkpoints", "best.arrow");
    expect(readCheckpoint(kept, layout)).toEqual(snapshotOf(layout));
    expect(store.setAside(100)).toBeUndefined();
  });
});

describe("the bound of the best checkpoint", () => {
  it("is compared where it was measured in the same way", async () => {
    const { workdir } = await withBest(3.5);
    expect(await bestBound(workdir, by)).toBe(3.5);
    expect(await bestBound(workdir, { ...by, times: 3 })).toBeUndefined();
  });

  it("is not there without a best checkpoint", async () => {
    expect(await bestBound(emptyWorkdir(), by)).toBeUndefined();
  });

  it.each([
    ["no bound", {}],
    ["a bound that is no number", { heldOut: { bound: "3.5", by } }],
    ["a bound that is not told how", { heldOut: 3.5 }],
  ])("is not there in a file with %s", async (_, config) => {
    const { workdir, path } = await withBest(3.5);
    await writeCheckpoint(path, layout, snapshotOf(layout), config);
    expect(await bestBound(workdir, by)).toBeUndefined();
  });

  it("is not there in a damaged file, while one that cannot be read is told", async () => {
    const { workdir, path } = await withBest(3.5);
    writeFileSync(path, "a poem");
    expect(await bestBound(workdir, by)).toBeUndefined();
    const { columns, metadata } = readArrowFile((await withBest(3.5)).path);
    for (const config of ["{", "null"]) {
      await writeArrowFile(path, Object.fromEntries(columns), { ...Object.fromEntries(metadata), config });
      expect(await bestBound(workdir, by)).toBeUndefined();
    }
    const other = emptyWorkdir();
    mkdirSync(bestPath(other), { recursive: true });
    await expect(bestBound(other, by)).rejects.toThrow("EISDIR");
  });
});

describe("the checkpoint by its name", () => {
  it("is the best one of the workdir", async () => {
    const { workdir } = await withBest(3.5);
    expect(namedCheckpoint(workdir, "best")).toBe(bestPath(workdir));
  });

  it("is any other file as it is given", () => {
    expect(namedCheckpoint("runs/a", "best.arrow")).toBe("best.arrow");
  });

  it("is refused where the workdir has no best one", () => {
    const workdir = emptyWorkdir();
    expect(() => namedCheckpoint(workdir, "best")).toThrow(UsageError);
    expect(() => namedCheckpoint(workdir, "best")).toThrow(`${workdir} has no best checkpoint`);
  });
});
