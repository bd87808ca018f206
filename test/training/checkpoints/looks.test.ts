/** Looks that a stop or a kill cut short: which state is saved, and what the next start knows of them. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { CheckpointStore } from "../../../src/training/checkpoints/checkpoint-store.ts";
import { Looks } from "../../../src/training/checkpoints/looks.ts";
import { layoutWith, SHAPES, snapshotOf, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);
const emptyWorkdir = () => dirname(temporaryFile("none"));
const recordOf = (workdir: string) => join(workdir, "checkpoints-meta", "looks.json");

function storeIn(workdir = emptyWorkdir()) {
  const store = new CheckpointStore({ workdir, layout, config: {}, keep: 9 });
  const path = (kind: string, step: number) => join(workdir, kind, `checkpoint_${step}.arrow`);
  const files = (kind: string) => readdirSync(join(workdir, kind)).filter((name) => name.endsWith(".arrow"));
  return { workdir, store, looks: store.looks!, path, files };
}

describe("the record of looks", () => {
  it("misses the look of a step that was reached, not made", () => {
    const workdir = emptyWorkdir();
    expect(new Looks(workdir).goOn(0)).toBe(false);
    expect(new Looks(workdir).goOn(400)).toBe(true);
    expect(new Looks(workdir).goOn(400)).toBe(true);
    new Looks(workdir).made(400);
    expect(new Looks(workdir).goOn(400)).toBe(false);
  });

  it("takes a workdir without it as complete: earlier versions wrote none", () => {
    const workdir = emptyWorkdir();
    expect(new Looks(workdir).goOn(400)).toBe(false);
    expect(new Looks(workdir).goOn(800)).toBe(true);
  });

  it("forgets looks of later steps, which are trained again", () => {
    const looks = new Looks(emptyWorkdir());
    looks.made(800);
    expect(looks.goOn(400)).toBe(false);
    expect(looks.goOn(800)).toBe(true);
  });

  it.each(["", "[]", '{"made": "400"}', "null"])("that reads %j is damaged: the look is made again", (text) => {
    const workdir = emptyWorkdir();
    const looks = new Looks(workdir);
    looks.made(400);
    writeFileSync(recordOf(workdir), text);
    expect(looks.goOn(400)).toBe(true);
  });

  it("that cannot be written is no failure, and leaves nothing behind", () => {
    const workdir = emptyWorkdir();
    mkdirSync(recordOf(workdir), { recursive: true });
    new Looks(workdir).made(3);
    expect(readdirSync(join(workdir, "checkpoints-meta"))).toEqual(["looks.json"]);
    rmSync(join(workdir, "checkpoints-meta"), { recursive: true });
    writeFileSync(join(workdir, "checkpoints-meta"), "");
    expect(() => new Looks(workdir).made(3)).not.toThrow();
  });
});

describe("a state saved during a look", () => {
  const turns = async () => {
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };

  it("waits for the end of the look where it is of a later step", async () => {
    const { store, looks, path, files } = storeIn();
    const end = looks.begin(snapshotOf(layout, 4));
    await store.save("checkpoints", snapshotOf(layout, 4));
    const later = store.save("checkpoints", snapshotOf(layout, 5));
    await turns();
    expect(files("checkpoints")).toEqual(["checkpoint_4.arrow"]);
    end(false);
    expect(await later).toBe(path("checkpoints", 5));
    expect(await store.save("checkpoints", snapshotOf(layout, 6))).toBe(path("checkpoints", 6));
  });

  it("gives way to the state of the look where that is cut short, now and later", async () => {
    const { workdir, store, looks, path, files } = storeIn();
    const end = looks.begin(snapshotOf(layout, 4));
    const during = store.save("checkpoints", snapshotOf(layout, 5));
    end(true);
    end(false);
    expect(await during).toBe(path("checkpoints-meta", 4));
    expect(await store.save("checkpoints-meta", snapshotOf(layout, 6))).toBe(path("checkpoints-meta", 4));
    expect(store.newest).toBe(path("checkpoints-meta", 4));
    expect(files("checkpoints-meta")).toEqual(["checkpoint_4.arrow"]);
    const next = storeIn(workdir);
    expect(next.store.load(() => {})!.snapshot).toEqual(snapshotOf(layout, 4));
  });

  it("is not written again where the state of the look is on the disk", async () => {
    const { store, looks, path } = storeIn();
    await store.save("checkpoints", snapshotOf(layout, 4));
    looks.begin(snapshotOf(layout, 4))(true);
    expect(await store.save("checkpoints-meta", snapshotOf(layout, 5))).toBe(path("checkpoints", 4));
  });

  it("is its own again where the training was left in a look, and goes on", async () => {
    const { store, looks, path } = storeIn();
    looks.begin(snapshotOf(layout, 4))(true);
    looks.goOn(5);
    expect(await store.save("checkpoints", snapshotOf(layout, 6))).toBe(path("checkpoints", 6));
  });

  it("of a group of nodes is that of the others: looks are not held", () => {
    const { store } = storeIn();
    store.heed(async () => {});
    expect(store.looks).toBeUndefined();
  });
});
