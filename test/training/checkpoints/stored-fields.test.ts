/** The fields of the reference in the configuration of an Arrow checkpoint. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readArrowFile } from "../../../src/data/formats/arrow-file.ts";
import { namedArray } from "../../../src/data/formats/named-array.ts";
import { openArrowCheckpoint, saveArrowCheckpoint } from "../../../src/training/checkpoints/arrow-checkpoint.ts";
import { DamagedCheckpointError, writeCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import { fieldsOf, type StoredCheckpoint } from "../../../src/training/checkpoints/reference-fields.ts";
import { layoutWith, SHAPES, snapshotOf, storedCheckpoint, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);

async function saved(stored: StoredCheckpoint): Promise<string> {
  const path = temporaryFile("checkpoint.arrow");
  await saveArrowCheckpoint(path, stored);
  return path;
}

/** The fields as a file has them, of a state of 7 steps. */
async function texts(fields = storedCheckpoint().fields): Promise<Record<string, unknown>> {
  const path = await saved({ ...storedCheckpoint({ seed: 1 }), fields });
  return (JSON.parse(readArrowFile(path).metadata.get("config")!) as { reference: Record<string, unknown> }).reference;
}

/** A file with these fields, whole otherwise. */
async function fileWith(reference: unknown): Promise<string> {
  const path = temporaryFile("checkpoint.arrow");
  await writeCheckpoint(path, layout, snapshotOf(layout), { reference });
  return path;
}

describe("fields", () => {
  it("are read as they were written, though they are a part of other memory", async () => {
    const lr = namedArray("F32", [], Float32Array.of(1, 2, 3).subarray(1, 2));
    const stored = storedCheckpoint({ seed: 1 });
    const path = await saved({ ...stored, fields: new Map([...stored.fields, ["lr", lr]]) });
    expect(Buffer.from((await openArrowCheckpoint(path)).fields.get("lr")!.bytes)).toEqual(Buffer.from(lr.bytes));
  });

  it("are the usual ones where there is no configuration", async () => {
    const stored = { layout, snapshot: snapshotOf(layout), fields: fieldsOf(7) };
    expect(await openArrowCheckpoint(await saved(stored))).toEqual(stored);
  });

  it.each([
    ["no object", null],
    ["bytes that are no text", { dtype: "F32", shape: [], hex: 12345678 }],
    ["too few bytes", { dtype: "F32", shape: [], hex: "000000" }],
    ["too many bytes", { dtype: "F32", shape: [], hex: "0000000000" }],
    ["a dtype that is not known", { dtype: "F16", shape: [], hex: "00000000" }],
    ["no shape", { dtype: "F32", hex: "00000000" }],
  ])("are refused with %s", async (_, lr) => {
    const opened = openArrowCheckpoint(await fileWith({ ...(await texts()), lr }));
    await expect(opened).rejects.toThrow(DamagedCheckpointError);
    await expect(opened).rejects.toThrow('its field "lr" is not readable');
  });

  it("are refused where one is missing, or all are", async () => {
    const opened = openArrowCheckpoint(await fileWith({ ...(await texts()), lr: undefined }));
    await expect(opened).rejects.toThrow(/is not whole:\n {2}lr: none in the file, a number is expected\n/);
    await expect(openArrowCheckpoint(await fileWith(null))).rejects.toThrow("step: none in the file");
  });

  it("are refused where they are of another step", async () => {
    const opened = openArrowCheckpoint(await fileWith(await texts(fieldsOf(8))));
    await expect(opened).rejects.toThrow(/is not whole:\n {2}step: 8 in its field, 7 in the file\n/);
  });
});

describe("a checkpoint without fields", () => {
  it("is refused where its steps are too many for them", async () => {
    const path = temporaryFile("checkpoint.arrow");
    await writeCheckpoint(path, layout, snapshotOf(layout, 2 ** 31), {});
    await expect(openArrowCheckpoint(path)).rejects.toThrow(DamagedCheckpointError);
    await expect(openArrowCheckpoint(path)).rejects.toThrow("is damaged: step 2147483648 is not an int32");
  });

  it("is named where it is not there, or no Arrow file", async () => {
    const path = temporaryFile("checkpoint.arrow");
    await expect(openArrowCheckpoint(path)).rejects.toThrow(`checkpoint ${path} cannot be read: ENOENT`);
    writeFileSync(path, "a poem");
    await expect(openArrowCheckpoint(path)).rejects.toThrow(`checkpoint ${path} is damaged: `);
  });
});
