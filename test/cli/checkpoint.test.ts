import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/data/formats/safetensors.ts";
import { checkpointMain } from "../../src/cli/checkpoint.ts";
import { digest, valuesOf } from "../../src/models/parameters.ts";
import { openCheckpoint, saveCheckpoint } from "../../src/training/checkpoints/checkpoint-formats.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/training/checkpoints/checkpoint.ts";
import {
  layoutWith,
  SHAPES,
  snapshotOf,
  storedCheckpoint,
  temporaryFile,
} from "../training/checkpoints/checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);
const snapshot = snapshotOf(layout);

async function checkpoint(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => ({ write: (text: string) => ((written[name] += text), true) });
  const exitCode = await checkpointMain(argv, { stdout: stream("stdout"), stderr: stream("stderr") } as never);
  return { exitCode, ...written };
}

/** A run's checkpoint in a folder of its own. */
async function runCheckpoint(): Promise<string> {
  const path = temporaryFile("checkpoint_7.arrow");
  await writeCheckpoint(path, layout, snapshot, { optim: { lr: 1e-3 }, model: { emaRate: 0.5 }, seed: 9, note: "x" });
  return path;
}

describe("export", () => {
  it("writes safetensors with the reference's names", async () => {
    const file = await runCheckpoint();
    const out = join(dirname(file), "out.safetensors");
    expect(await checkpoint("export", file, out)).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: `${out}: safetensors, step 7, 40 parameters\n`,
    });
    const { tensors, metadata } = await readSafetensors(out);
    expect(metadata).toMatchObject({ step: "7" });
    const names = layout.slots.flatMap(({ name }) => {
      const state = `optimizer/state/param_states/${name}`;
      return [`params/${name}`, `params_ema/${name}`, `${state}/grad_ema`, `${state}/grad_sq_ema`];
    });
    const fields = ["step", "optimizer/state/step", "lr", "ema_rate", "rng"];
    expect([...tensors.keys()].sort()).toEqual([...names, ...fields].sort());
    for (const slot of layout.slots) {
      const tensor = tensors.get(`params_ema/${slot.name}`)!;
      expect(tensor).toEqual({ dtype: "F32", shape: slot.shape, data: valuesOf(snapshot.ema, slot).slice() });
    }
    expect([...tensors.get("lr")!.data]).toEqual([Math.fround(1e-3)]);
    expect([...tensors.get("rng")!.data]).toEqual([0, 9]);
  });

  it("refuses another format", async () => {
    const { exitCode, stderr } = await checkpoint("export", await runCheckpoint(), "out.msgpack");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("export writes safetensors");
  });
});

describe("convert", () => {
  it.each(["safetensors", "msgpack", "MSGPACK", "arrow"])("to .%s and back loses nothing", async (ending) => {
    const file = await runCheckpoint();
    const [between, back] = [join(dirname(file), `between.${ending}`), join(dirname(file), "back.arrow")];
    expect(await checkpoint("convert", file, between)).toMatchObject({ exitCode: 0 });
    expect(await checkpoint("convert", between, back)).toMatchObject({ exitCode: 0 });
    expect(readCheckpoint(back, layout)).toEqual(snapshot);
    expect((await openCheckpoint(back, "arrow")).fields).toEqual((await openCheckpoint(file, "arrow")).fields);
    // The reference's files have no place for a configuration.
    if (ending.toLowerCase() !== "msgpack") expect(readFileSync(back).equals(readFileSync(file))).toBe(true);
  });

  it("writes the reference's form to a name without an ending", async () => {
    const file = await runCheckpoint();
    const out = join(dirname(file), "checkpoint_7");
    await checkpoint("convert", file, out);
    expect((await openCheckpoint(out, "flax")).snapshot).toEqual(snapshot);
  });

  it("refuses endings, folders and files that it cannot write", async () => {
    const file = await runCheckpoint();
    const folder = dirname(file);
    const wrong = [
      [join(folder, "x.npz"), ".npz is not a checkpoint format"],
      [join(folder, "x.constructor"), ".constructor is not a checkpoint format"],
      [join(folder, "none/x.arrow"), "cannot be written"],
      [file, "is the input file"],
    ] as const;
    for (const [out, message] of wrong) {
      const { exitCode, stderr } = await checkpoint("convert", file, out);
      expect(stderr).toContain(message);
      expect(exitCode).toBe(2);
    }
  });
});

describe("inspect", () => {
  it.each(["arrow", "safetensors", "flax"] as const)("lists a %s file", async (format) => {
    const path = temporaryFile("x");
    await saveCheckpoint(path, format, storedCheckpoint());
    const { exitCode, stdout } = await checkpoint("inspect", path, "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      file: path,
      format,
      step: 7,
      count: 40,
      parameters: digest(layout, snapshot.parameters),
      ema: digest(layout, snapshot.ema),
      fields: { step: 7, lr: Math.fround(1e-3), ema_rate: 0.5, rng: [0, 9] },
      tensors: layout.slots.map(({ name, shape, size }) => ({ name, shape, count: size })),
    });
  });

  it("shows lines for people", async () => {
    const { stdout } = await checkpoint("inspect", await runCheckpoint());
    expect(stdout).toMatch(/^parameters {5}40 in 3 tensors$/m);
    expect(stdout).toMatch(/^Conv_0\/kernel {3}\[3, 3, 1, 2\] +18$/m);
  });

  it("refuses what is not a checkpoint, or not a whole one", async () => {
    const path = temporaryFile("x.safetensors");
    writeFileSync(path, "hello");
    expect(await checkpoint("inspect", path)).toMatchObject({ exitCode: 2, stdout: "" });
    await saveCheckpoint(path, "safetensors", storedCheckpoint());
    writeFileSync(path, readFileSync(path).subarray(0, -4));
    const { exitCode, stderr } = await checkpoint("inspect", path);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("cut short");
  });
});

describe("the command line", () => {
  it("explains itself", async () => {
    for (const argv of [[], ["--help"], ["export", "--help"]]) {
      const { exitCode, stdout } = await checkpoint(...argv);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("npm run checkpoint -- inspect");
    }
  });

  it.each([["bogus"], ["inspect"], ["convert", "a"], ["inspect", "a", "b"], ["inspect", "a", "--nothing"]])(
    "refuses %s %s",
    async (...argv) => {
      const { exitCode, stderr } = await checkpoint(...argv.filter((argument) => argument !== undefined));
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^error: .*\n {2}remedy: npm run checkpoint -- --help/);
    },
  );
});
