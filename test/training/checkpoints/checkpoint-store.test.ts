import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { CheckpointStore, type CheckpointKind } from "../../../src/training/checkpoints/checkpoint-store.ts";
import { layoutWith, SHAPES, snapshotOf, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);

function storeIn(workdir = dirname(temporaryFile("none")), keep = 2, of = layout) {
  const store = new CheckpointStore({ workdir, layout: of, config: { seed: 1 }, keep });
  const save = async (kind: CheckpointKind, ...steps: number[]) => {
    for (const step of steps) await store.save(kind, snapshotOf(of, step));
  };
  const path = (kind: CheckpointKind, step: number) => join(workdir, kind, `checkpoint_${step}.arrow`);
  const names = (kind: CheckpointKind) => readdirSync(join(workdir, kind)).sort();
  const damaged: string[] = [];
  return { workdir, store, save, path, names, damaged, load: () => store.load((message) => damaged.push(message)) };
}

const cutShort = (path: string) => truncateSync(path, readFileSync(path).length - 300);

describe("saving a checkpoint", () => {
  it("keeps the newest by number, not by name", async () => {
    const { save, names } = storeIn();
    await save("checkpoints", 8, 9, 10);
    expect(names("checkpoints")).toEqual(["checkpoint_10.arrow", "checkpoint_9.arrow"]);
    await save("checkpoints", 11);
    expect(names("checkpoints")).toEqual(["checkpoint_10.arrow", "checkpoint_11.arrow"]);
  });

  it("keeps one where a run was interrupted, and leaves the other kind alone", async () => {
    const { save, names } = storeIn();
    await save("checkpoints", 1, 2);
    await save("checkpoints-meta", 9, 10);
    expect(names("checkpoints-meta")).toEqual(["checkpoint_10.arrow"]);
    await save("checkpoints", 3);
    expect(names("checkpoints-meta")).toEqual(["checkpoint_10.arrow"]);
    expect(names("checkpoints")).toEqual(["checkpoint_2.arrow", "checkpoint_3.arrow"]);
  });

  it.each([1, 2])("keeps the file just written beside a damaged one of a higher step, keep = %i", async (keep) => {
    const { save, path, names, load } = storeIn(undefined, keep);
    await save("checkpoints", 20);
    cutShort(path("checkpoints", 20));
    await save("checkpoints", 3, 4, 5);
    expect(names("checkpoints")).toContain("checkpoint_5.arrow");
    expect(names("checkpoints")).toHaveLength(1 + keep);
    expect(load()!.snapshot.step).toBe(5);
  });

  it("keeps milestones beside the newest, and none among those of interruptions", async () => {
    const { workdir, names } = storeIn();
    const store = new CheckpointStore({ workdir, layout, config: {}, keep: 2, keepEvery: 4 });
    for (const step of [2, 4, 6, 8, 10, 12, 14]) await store.save("checkpoints", snapshotOf(layout, step));
    for (const step of [4, 8, 9]) await store.save("checkpoints-meta", snapshotOf(layout, step));
    expect(names("checkpoints").sort()).toEqual([12, 14, 4, 8].map((step) => `checkpoint_${step}.arrow`));
    expect(names("checkpoints-meta")).toEqual(["checkpoint_9.arrow"]);
  });

  it("removes what a killed save has left too many when its state goes on, but nothing of higher steps", async () => {
    const { workdir, names, store } = storeIn();
    const all = new CheckpointStore({ workdir, layout, config: {}, keep: 9 });
    for (const step of [1, 2, 3, 4]) await all.save("checkpoints", snapshotOf(layout, step));
    store.goOn(3);
    expect(names("checkpoints")).toEqual([2, 3, 4].map((step) => `checkpoint_${step}.arrow`));
  });

  it("writes one file at a time where a step is saved twice at once", async () => {
    const { store, load, path } = storeIn();
    const twice = [1, 2].map(() => store.save("checkpoints-meta", snapshotOf(layout, 4)));
    expect(await Promise.all(twice)).toEqual([path("checkpoints-meta", 4), path("checkpoints-meta", 4)]);
    expect(load()!.snapshot.step).toBe(4);
  });

  it("waits until its step is allowed, and saves nothing where it is not", async () => {
    const { store, names } = storeIn();
    let decide = { allow: () => {}, refuse: (error: Error): void => void error };
    const asked: number[] = [];
    store.heed((step) => {
      asked.push(step);
      return new Promise((allow, refuse) => (decide = { allow, refuse }));
    });
    const allowed = store.save("checkpoints", snapshotOf(layout, 4));
    await new Promise(setImmediate);
    expect([asked, store.newest]).toEqual([[4], undefined]);
    expect(() => names("checkpoints")).toThrow("ENOENT");
    decide.allow();
    await allowed;
    const refused = store.save("checkpoints", snapshotOf(layout, 5));
    decide.refuse(new Error("other nodes have another state"));
    await expect(refused).rejects.toThrow("other nodes have another state");
    expect([asked, names("checkpoints")]).toEqual([[4, 5], ["checkpoint_4.arrow"]]);
  });

  it("waits until what it goes with is on the disk", async () => {
    const { workdir, names } = storeIn();
    let ready = () => {};
    const before = () => new Promise<void>((resolve) => (ready = resolve));
    const store = new CheckpointStore({ workdir, layout, config: {}, keep: 2, before });
    const saved = store.save("checkpoints", snapshotOf(layout, 4));
    await new Promise(setImmediate);
    expect(() => names("checkpoints")).toThrow("ENOENT");
    ready();
    await saved;
    expect(names("checkpoints")).toEqual(["checkpoint_4.arrow"]);
  });

  it("sets the files of a step and later ones aside, of both kinds", async () => {
    const { workdir, store, save, load } = storeIn(undefined, 5);
    await save("checkpoints", 3, 4, 5);
    await save("checkpoints-meta", 5);
    expect(store.setAside(6)).toBeUndefined();
    const folder = store.setAside(4)!;
    expect(folder).toBe(join(workdir, "checkpoints-set-aside"));
    expect(load()!.snapshot.step).toBe(3);
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual([
      "checkpoints",
      "checkpoints-meta",
      "checkpoints-meta/checkpoint_5.arrow",
      "checkpoints/checkpoint_4.arrow",
      "checkpoints/checkpoint_5.arrow",
    ]);
  });

  it("names no newest file, and none of its step, once they are set aside, until another is saved", async () => {
    const { store, save } = storeIn(undefined, 5);
    await save("checkpoints", 3, 5);
    const newest = store.newest;
    expect([store.setAside(6), store.newest, store.asideFrom]).toEqual([undefined, newest, Infinity]);
    store.setAside(4);
    expect([store.newest, store.asideFrom]).toEqual([undefined, 4]);
    await save("checkpoints", 4);
    expect([store.newest?.endsWith("checkpoint_4.arrow"), store.asideFrom]).toEqual([true, Infinity]);
  });

  it("removes no file of another name", async () => {
    const { workdir, save, names } = storeIn(undefined, 1);
    const others = [".checkpoint_1.arrow.7.tmp", "checkpoint_1.arrow.bak", "checkpoint_x.arrow", "my_checkpoint_1.arrow"]; // prettier-ignore
    mkdirSync(join(workdir, "checkpoints"));
    for (const name of others) writeFileSync(join(workdir, "checkpoints", name), "");
    await save("checkpoints", 2, 3);
    expect(names("checkpoints")).toEqual([...others, "checkpoint_3.arrow"].sort());
  });

  it("gives the path, which is then the newest", async () => {
    const { store, path } = storeIn();
    expect(store.newest).toBeUndefined();
    for (const kind of ["checkpoints", "checkpoints-meta"] as const) {
      expect(await store.save(kind, snapshotOf(layout, 4))).toBe(path(kind, 4));
      expect(store.newest).toBe(path(kind, 4));
    }
  });
});

describe("loading a checkpoint", () => {
  it("gives nothing for a workdir without any, also beside files of other names", async () => {
    const { workdir, load, store, damaged } = storeIn();
    expect(load()).toBeUndefined();
    mkdirSync(join(workdir, "checkpoints"));
    for (const name of ["checkpoint_1.arrow.bak", "my_checkpoint_1.arrow", "checkpoint_.arrow", "checkpoint_1xarrow"]) {
      writeFileSync(join(workdir, "checkpoints", name), "not a checkpoint");
    }
    expect(load()).toBeUndefined();
    expect([store.newest, damaged]).toEqual([undefined, []]);
  });

  it("takes the most steps of both kinds, by number", async () => {
    const { workdir, save, path } = storeIn();
    await save("checkpoints-meta", 9);
    await save("checkpoints", 8, 10);
    const again = storeIn(workdir);
    expect(again.load()).toEqual({ path: path("checkpoints", 10), snapshot: snapshotOf(layout, 10) });
    expect(again.store.newest).toBe(path("checkpoints", 10));
    await save("checkpoints-meta", 100);
    expect(again.load()?.path).toBe(path("checkpoints-meta", 100));
    expect(again.store.newest).toBe(path("checkpoints-meta", 100));
    expect(again.damaged).toEqual([]);
  });

  it("passes over damaged files, each with one line, and uses the one before", async () => {
    const { save, path, load, damaged, store } = storeIn(undefined, 3);
    await save("checkpoints", 8, 9, 10);
    await save("checkpoints-meta", 11);
    cutShort(path("checkpoints", 10));
    writeFileSync(path("checkpoints-meta", 11), "");
    expect(load()).toEqual({ path: path("checkpoints", 9), snapshot: snapshotOf(layout, 9) });
    expect(store.newest).toBe(path("checkpoints", 9));
    expect(damaged.map((message) => message.split(" is damaged: ")[0])).toEqual([
      `checkpoint ${path("checkpoints-meta", 11)}`,
      `checkpoint ${path("checkpoints", 10)}`,
    ]);
    expect(damaged.join("")).not.toContain("\n");
  });

  it("refuses a workdir where all are damaged, and says what to remove", async () => {
    const { workdir, save, path, load, damaged, store } = storeIn();
    await save("checkpoints", 8, 9);
    for (const step of [8, 9]) cutShort(path("checkpoints", step));
    const again = storeIn(workdir);
    expect(again.load).toThrow(UsageError);
    expect(load).toThrow(
      `every checkpoint in ${workdir} is damaged\n  remedy: remove ${workdir}/checkpoints* to start anew, or use another --workdir`,
    );
    expect(damaged).toHaveLength(2);
    expect(again.store.newest).toBeUndefined();
    expect(store.newest).toBe(path("checkpoints", 9));
  });

  it("refuses one of another model, though an older one fits", async () => {
    const { workdir, save, load, damaged } = storeIn();
    await save("checkpoints", 1);
    await storeIn(workdir, 2, layoutWith({ ...SHAPES, "Conv_0/bias": [3] })).save("checkpoints", 2);
    expect(load).toThrow(
      `${workdir}/checkpoints/checkpoint_2.arrow belongs to another model:\n  Conv_0/bias: [3] in the file`,
    );
    expect(damaged).toEqual([]);
  });

  it("passes on that a file cannot be read, though an older one can", async () => {
    const { save, path, load, damaged } = storeIn();
    await save("checkpoints", 1, 2);
    rmSync(path("checkpoints", 2));
    mkdirSync(path("checkpoints", 2));
    expect(load).toThrow(`checkpoint ${path("checkpoints", 2)} cannot be read: EISDIR`);
    expect(damaged).toEqual([]);
  });
});
