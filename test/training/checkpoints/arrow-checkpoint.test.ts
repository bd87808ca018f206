/** Checkpoints that are read without a model. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readArrowFile, writeArrowFile } from "../../../src/data/formats/arrow-file.ts";
import { openArrowCheckpoint, saveArrowCheckpoint } from "../../../src/training/checkpoints/arrow-checkpoint.ts";
import { DamagedCheckpointError } from "../../../src/training/checkpoints/checkpoint.ts";
import { SHAPES, storedCheckpoint, temporaryFile } from "./checkpoint-fixture.ts";

async function saved(stored = storedCheckpoint()): Promise<string> {
  const path = temporaryFile("checkpoint.arrow");
  await saveArrowCheckpoint(path, stored);
  return path;
}

/** The reason why a checkpoint is damaged after a change of its metadata. */
async function problemAfter(change: Record<string, string | undefined>): Promise<string> {
  const path = await saved();
  const { columns, metadata } = readArrowFile(path);
  const entries = Object.entries({ ...Object.fromEntries(metadata), ...change });
  const texts = entries.flatMap(([key, text]) => (text === undefined ? [] : [[key, text] as const]));
  await writeArrowFile(path, Object.fromEntries(columns), Object.fromEntries(texts));
  const error: unknown = await openArrowCheckpoint(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DamagedCheckpointError);
  return (error as Error).message.split("\n")[0]!.split(" is damaged: ")[1]!;
}

const slots: [string, unknown][] = Object.entries(SHAPES);

describe("the list of parameters in a file", () => {
  it("names each once", async () => {
    const text = JSON.stringify([...slots, slots[0]]);
    expect(await problemAfter({ layout: text })).toBe("its list names a parameter twice");
  });

  it("has at most 65536", async () => {
    const names = JSON.stringify(Array.from({ length: 65537 }, (_, i) => [`p${i}`, []]));
    expect(await problemAfter({ layout: names })).toBe("it lists 65537 parameters");
  });

  it.each(["", "{}", '["a"]', '[["a"]]', "[[1,[1]]]", '[["a",[1],0]]', '[["a",[-1]]]', '[["a",[1.5]]]', '[["a",1]]'])(
    "is not readable as %s",
    async (text) => {
      expect(await problemAfter({ layout: text })).toBe("its list of parameters is not readable");
    },
  );
});

it.each([["layout"], ["config"]])("a file without its %s is no checkpoint", async (name) => {
  expect(await problemAfter({ [name]: undefined })).toBe("it is not a ScoreStream checkpoint");
});

describe("fields in the configuration", () => {
  const names = ["ema_rate", "lr", "optimizer/state/step", "rng", "step"];
  const inOrder = (...order: string[]) => {
    const stored = storedCheckpoint({ seed: 1 });
    return saved({ ...stored, fields: new Map(order.map((name) => [name, stored.fields.get(name)!])) });
  };

  it("are in the order of their names, so that equal fields have equal bytes", async () => {
    const [path, reversed] = [await inOrder(...names), await inOrder(...[...names].reverse())];
    const config = JSON.parse(readArrowFile(reversed).metadata.get("config")!) as { reference: object };
    expect(Object.keys(config.reference)).toEqual(names);
    expect(readFileSync(reversed).equals(readFileSync(path))).toBe(true);
  });
});
