import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import type { Column } from "../../../src/data/batch.ts";
import { readArrowFile, writeArrowFile } from "../../../src/data/formats/arrow-file.ts";
import {
  DamagedCheckpointError,
  readCheckpoint,
  writeCheckpoint,
} from "../../../src/training/checkpoints/checkpoint.ts";
import {
  checkpointFormats,
  openCheckpoint,
  saveCheckpoint,
} from "../../../src/training/checkpoints/checkpoint-formats.ts";
import { layoutWith, SHAPES, snapshotOf, storedCheckpoint, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);

async function written(step = 7, of = layout): Promise<string> {
  const path = temporaryFile("checkpoint.arrow");
  await writeCheckpoint(path, of, snapshotOf(of, step), { seed: 1 });
  return path;
}

/** The file with other metadata or columns, under its old checksum. */
async function rewritten(metadata: Record<string, string>, change: Record<string, Column | undefined> = {}) {
  const path = await written();
  const file = readArrowFile(path);
  const columns = Object.entries({ ...Object.fromEntries(file.columns), ...change }).flatMap(([name, column]) =>
    column ? [[name, column] as const] : [],
  );
  await writeArrowFile(path, Object.fromEntries(columns), { ...Object.fromEntries(file.metadata), ...metadata });
  return path;
}

function problemOf(path: string, of = layout): string {
  try {
    readCheckpoint(path, of);
  } catch (error) {
    expect(error).toBeInstanceOf(DamagedCheckpointError);
    const [place, what] = (error as Error).message.split("\n")[0]!.split(" is damaged: ");
    expect(place).toBe(`checkpoint ${path}`);
    return what!;
  }
  return "none";
}

describe("a checkpoint", () => {
  it("gives back each vector and the step", async () => {
    expect(readCheckpoint(await written(0), layout)).toEqual(snapshotOf(layout, 0));
    expect(problemOf(await rewritten({}))).toBe("none");
  });

  it("gives back the outer momentum of local steps, in a form of its own", async () => {
    const snapshot = { ...snapshotOf(layout, 3), outer: snapshotOf(layout, 4).m };
    const path = temporaryFile("local.arrow");
    await writeCheckpoint(path, layout, snapshot, {});
    expect(readCheckpoint(path, layout)).toEqual(snapshot);
    expect(readArrowFile(path).metadata.get("format")).toBe("scorestream-checkpoint-2");
    expect(readArrowFile(await written()).metadata.get("format")).toBe("scorestream-checkpoint-1");
    const { columns, metadata } = readArrowFile(path);
    const cut = Object.fromEntries([...columns].filter(([name]) => name !== "outer"));
    await writeArrowFile(path, cut, Object.fromEntries(metadata));
    expect(problemOf(path)).toBe("a vector is missing");
  });

  it.each([[undefined], [snapshotOf(layout, 4).m]])("gives back further averages, outer momentum %#", async (outer) => {
    const averages = new Map([
      [0.999, snapshotOf(layout).v],
      [1e-7, snapshotOf(layout).m],
    ]);
    const snapshot = { ...snapshotOf(layout, 3), ...(outer && { outer }), averages };
    const path = temporaryFile("averages.arrow");
    await writeCheckpoint(path, layout, snapshot, {});
    expect(readCheckpoint(path, layout)).toEqual(snapshot);
    const { columns, metadata } = readArrowFile(path);
    expect(metadata.get("format")).toBe("scorestream-checkpoint-3");
    const rewrite = (listed: string) =>
      writeArrowFile(path, Object.fromEntries(columns), { ...Object.fromEntries(metadata), averages: listed });
    await rewrite("[1e-7,0.999]");
    expect(problemOf(path)).toBe("its checksum differs");
    await rewrite("[0.999,0.99]");
    expect(problemOf(path)).toBe("a vector is missing");
    for (const unreadable of ['["0.999"]', "[1]", "[-0.5]", "{}", "["]) {
      await rewrite(unreadable);
      expect(problemOf(path)).toBe("its list of averages is not readable");
    }
  });

  it("is not asked for a list of averages where its form has none", async () => {
    expect(problemOf(await rewritten({ averages: "{}" }))).toBe("none");
  });

  it.each([
    ["step", "8"],
    ["layout", JSON.stringify(Object.entries({ ...SHAPES, "Conv_0/bias": [3] }))],
    ["config", '{"seed":2}'],
    ["checksum", "0"],
  ])("has a checksum over its %s", async (name, value) => {
    expect(problemOf(await rewritten({ [name]: value }))).toBe("its checksum differs");
  });

  it.each(["parameters", "m", "v", "ema"] as const)("has a checksum over %s, to the last value", async (name) => {
    const data = snapshotOf(layout)[name].slice();
    data[data.length - 1] = 1e-30;
    const path = await rewritten({}, { [name]: { data, shape: [] } });
    expect(problemOf(path)).toBe("its checksum differs");
  });

  it("has a checksum over which vector is which", async () => {
    const { m, v } = snapshotOf(layout);
    const path = await rewritten({}, { m: { data: v, shape: [] }, v: { data: m, shape: [] } });
    expect(problemOf(path)).toBe("its checksum differs");
  });

  it.each(["parameters", "m", "v", "ema"] as const)("needs %s, as float32", async (name) => {
    expect(problemOf(await rewritten({}, { [name]: undefined }))).toBe("a vector is missing");
    const bytes = { data: new Uint8Array(layout.length), shape: [] };
    expect(problemOf(await rewritten({}, { [name]: bytes }))).toBe("a vector is missing");
  });

  it("says its form", async () => {
    expect(problemOf(await rewritten({ format: "checkpoint of others" }))).toBe("it is not a ScoreStream checkpoint");
  });

  it.each([-1, 1.5, NaN, 2 ** 53])("is refused with %d steps", async (step) => {
    expect(problemOf(await written(step))).toBe("its number of steps is not readable");
  });

  it("is refused where its vectors are of another length than its list of parameters", async () => {
    const longer = { ...layout, length: layout.length + 16 };
    expect(problemOf(await written(), longer)).toBe('"parameters" has 80 values, the parameters take 96');
  });

  it("is damaged when it is no Arrow file, and unreadable when it is not there", async () => {
    const path = temporaryFile("checkpoint.arrow");
    expect(() => readCheckpoint(path, layout)).toThrow(`checkpoint ${path} cannot be read: ENOENT`);
    expect(() => readCheckpoint(path, layout)).not.toThrow(DamagedCheckpointError);
    writeFileSync(path, "a poem");
    expect(problemOf(path)).toContain(path);
  });
});

describe("a checkpoint of another model", () => {
  const messageOf = (path: string, shapes: Record<string, readonly number[]>) => {
    try {
      readCheckpoint(path, layoutWith(shapes));
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      expect(error).not.toBeInstanceOf(DamagedCheckpointError);
      return (error as Error).message.split("\n");
    }
    throw new Error("it was read");
  };

  it("is refused with a line for each parameter that differs", async () => {
    const path = await written();
    const shapes = { "Conv_0/bias": [3], "Conv_0/kernel": SHAPES["Conv_0/kernel"], "Extra/scale": [] };
    expect(messageOf(path, shapes)).toEqual([
      `checkpoint ${path} belongs to another model:`,
      "  Conv_0/bias: [2] in the file, [3] in the model",
      "  Dense_0/kernel: [5, 4] in the file, none in the model",
      "  Extra/scale: none in the file, [] in the model",
      "  remedy: give the model.* settings it was trained with, or use another checkpoint",
    ]);
  });

  it.each([
    [5, ["  p5: none in the file, [5] in the model"]],
    [7, ["  p5: none in the file, [5] in the model", "  (and 2 more)"]],
  ])("has at most eight lines: the file's 3 and %d of the model", async (count, end) => {
    const shapes = Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i + 1}`, [i + 1]]));
    expect(messageOf(await written(), shapes).slice(8, -1)).toEqual(end);
  });
});

describe.each(checkpointFormats)("a checkpoint as %s", (format) => {
  it.each([
    ["without a configuration", undefined],
    ["whose configuration says what the fields are", { optim: { lr: 1e-3 }, model: { emaRate: 0.5 }, seed: 9 }],
    ["whose configuration says other things", { seed: 1 }],
  ])("has the same bytes after three rounds: %s", async (_, config) => {
    const path = temporaryFile("checkpoint");
    await saveCheckpoint(path, format, storedCheckpoint(config));
    const first = readFileSync(path);
    for (let round = 0; round < 3; round++) await saveCheckpoint(path, format, await openCheckpoint(path, format));
    expect(readFileSync(path).equals(first)).toBe(true);
  });
});

describe("the configuration in an Arrow checkpoint", () => {
  const implying = { optim: { lr: 1e-3 }, model: { emaRate: 0.5 }, seed: 9 };

  it.each([[undefined], [implying], [{ seed: 1 }]])(
    "comes back without the fields that were kept in it: %j",
    async (config) => {
      const path = temporaryFile("checkpoint.arrow");
      await saveCheckpoint(path, "arrow", storedCheckpoint(config));
      expect(await openCheckpoint(path, "arrow")).toEqual(storedCheckpoint(config));
    },
  );

  it.each([
    ["no fields that it implies", implying, ["optim", "model", "seed"]],
    ["fields that it does not imply", { seed: 1 }, ["seed", "reference"]],
  ])("has %s", async (_, config, keys) => {
    const path = temporaryFile("checkpoint.arrow");
    await saveCheckpoint(path, "arrow", storedCheckpoint(config));
    const text = readArrowFile(path).metadata.get("config")!;
    expect(Object.keys(JSON.parse(text) as object)).toEqual(keys);
  });
});
