import { mkdirSync, readFileSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { readArrowFile, writeArrowFile } from "../../../src/data/formats/arrow-file.ts";
import { writeCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import { shapeInCheckpoint } from "../../../src/training/checkpoints/stored-shape.ts";
import { writeFlaxCheckpoint } from "../../../src/training/checkpoints/flax-checkpoint.ts";
import { layoutWith, SHAPES, snapshotOf, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);

/** A workdir with a checkpoint of each configuration, the newest last. */
async function workdirWith(...configs: unknown[]) {
  const workdir = dirname(temporaryFile("none"));
  mkdirSync(join(workdir, "checkpoints"));
  const path = (step: number) => join(workdir, "checkpoints", `checkpoint_${step}.arrow`);
  for (const [i, config] of configs.entries()) await writeCheckpoint(path(i + 1), layout, snapshotOf(layout), config);
  return { workdir, path };
}

/** Puts a text in place of the configuration of a file. */
async function changeConfig(path: string, config: string): Promise<void> {
  const { columns, metadata } = readArrowFile(path);
  await writeArrowFile(path, Object.fromEntries(columns), { ...Object.fromEntries(metadata), config });
}

describe("the shape of the examples", () => {
  it("is that of the newest checkpoint", async () => {
    const { workdir } = await workdirWith({ shape: [4, 4, 1] }, { shape: [8, 8, 3] });
    expect(await shapeInCheckpoint(workdir)).toEqual([8, 8, 3]);
  });

  it("is that of the file which is named", async () => {
    const { workdir, path } = await workdirWith({ shape: [4, 4, 1] }, { shape: [8, 8, 3] });
    expect(await shapeInCheckpoint(workdir, path(1))).toEqual([4, 4, 1]);
  });

  it.each([[undefined], [null], ["8"], [[]], [[8, 0]], [[8, 1.5]], [[8, "3"]]])(
    "is that of an older checkpoint where the newest has %j",
    async (shape) => {
      const { workdir } = await workdirWith({ shape: [4] }, { shape });
      expect(await shapeInCheckpoint(workdir)).toEqual([4]);
    },
  );

  it("is that of an older checkpoint where the newest is cut short", async () => {
    const { workdir, path } = await workdirWith({ shape: [4] }, { shape: [8] });
    truncateSync(path(2), readFileSync(path(2)).length - 300);
    expect(await shapeInCheckpoint(workdir)).toEqual([4]);
  });

  it.each(["{", "null", "[]", '"8"'])(
    "is that of an older checkpoint where the newest has the configuration %s",
    async (config) => {
      const { workdir, path } = await workdirWith({ shape: [4] }, { shape: [8] });
      await changeConfig(path(2), config);
      expect(await shapeInCheckpoint(workdir)).toEqual([4]);
    },
  );
});

describe("no shape of the examples", () => {
  it("is in a workdir without a checkpoint", async () => {
    const { workdir } = await workdirWith();
    await expect(shapeInCheckpoint(workdir)).rejects.toThrow(UsageError);
    await expect(shapeInCheckpoint(workdir)).rejects.toThrow(`${workdir} has no checkpoint\n  remedy: train first`);
  });

  it("is in checkpoints that do not record it: the newest is named", async () => {
    const { workdir, path } = await workdirWith({}, {});
    const message = `${path(2)} does not record the shape of the examples\n  remedy: give it as { shape:`;
    await expect(shapeInCheckpoint(workdir)).rejects.toThrow(message);
  });

  it("is in a checkpoint of another format", async () => {
    const path = temporaryFile("checkpoint_7");
    await writeFlaxCheckpoint(path, layout, snapshotOf(layout));
    await expect(shapeInCheckpoint(dirname(path), path)).rejects.toThrow(`${path} does not record the shape`);
  });

  it("is in a file that cannot be read", async () => {
    const { workdir } = await workdirWith({ shape: [4] });
    const path = join(workdir, "missing.arrow");
    await expect(shapeInCheckpoint(workdir, path)).rejects.toThrow(`checkpoint ${path} cannot be read: ENOENT`);
  });
});
