import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defer, EMPTY, ignoreElements, lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/load.ts";
import { flowppDequantizer } from "../../src/models/flowpp/dequantizer.ts";
import { digest, layoutOf } from "../../src/models/parameters.ts";
import { dequantizerSession } from "../../src/run/dequantizer-session.ts";
import type { Allowed, Mode, RunContext } from "../../src/run/pipeline.ts";
import { parseAssignment, resolveConfig } from "../../src/run/resolve-config.ts";
import { session } from "../../src/run/session.ts";
import { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { linearModel } from "../streams/fixture.ts";

const shape = [4, 4, 1] as const;
const network = linearModel([...shape]);
const scoreLayout = layoutOf(network.parameters);
const sizes = ["filters=4", "components=2", "blocks=1", "heads=1"].map((size) => `dequantizer.${size}`);
const assignments = [...sizes, "training.keepCheckpoints=1"].map(parseAssignment);
const { config } = resolveConfig({ settings: [{}], assignments });
const layout = layoutOf(flowppDequantizer("cifar10", shape, config.dequantizer).parameters);
const filled = (length: number, value: number) => new Float32Array(length).fill(value);
const AVERAGE = filled(layout.length, 0.5);
const SCORE_AVERAGE = filled(scoreLayout.length, 2);

/** A workdir with a score model of step 5, and a dequantizer whose checkpoint says this of itself. */
async function workdirWith(about: object): Promise<string> {
  const workdir = temporaryFolder();
  const save = (folder: string, of: typeof layout, ema: Float32Array, step: number, config: object) => {
    const zeros = filled(of.length, 0);
    const store = new CheckpointStore({ workdir: folder, layout: of, config, keep: 9 });
    return store.save("checkpoints", { step, parameters: filled(of.length, 1), m: zeros, v: zeros, ema });
  };
  await save(workdir, scoreLayout, SCORE_AVERAGE, 5, {});
  for (const step of [1, 2]) await save(join(workdir, "flowpp_dequantizer"), layout, AVERAGE, step, about);
  return workdir;
}

/** Opens the dequantizer; what is said, and the digest it tells. */
async function opened(about: object, mode: Mode, allow: readonly Allowed[] = []) {
  const workdir = await workdirWith(about);
  const engine = { name: "tensorflow", version: "0", device: "cpu", native: true } as Engine;
  const given = { name: "tiny", mode, preset: "quick", config, workdir, cacheDir: workdir, engine, allow } as const;
  const context: RunContext = { ...given, signal: new AbortController().signal };
  const setup = { form: "cifar10", shape, importance: false, firstImages: () => filled(0, 0) } as const;
  let average = "";
  const run = session(context, { network, data: { train: "own", test: "own test" } }, (own) => {
    const open = () =>
      dequantizerSession(context, own, setup, (dequantizer) =>
        defer(() => ((average = dequantizer.averageDigest()), EMPTY)).pipe(ignoreElements()),
      );
    return { train: open, evaluate: open, sample: open, trainDequantizer: open };
  });
  const events = await lastValueFrom(run.pipe(toArray()));
  const said = events.flatMap((event) => (event.type === "message" ? [event.text] : []));
  const left = readdirSync(join(workdir, "flowpp_dequantizer/checkpoints")).length;
  return { said: said.filter((text) => /^(warning|note)/.test(text)), average, left };
}

const same = { dataDigest: "own", scoreModel: { parameters: digest(scoreLayout, SCORE_AVERAGE), step: 5 } };
const stale = { ...same, scoreModel: { parameters: "of before", step: 3 } };
const TOLD = "warning: the dequantizer was trained for the score model of step 3, this one is of step 5";

describe("a trained dequantizer", () => {
  it("is known by the averaged parameters, by which it draws", async () => {
    const { average } = await opened(same, "eval");
    expect(average).toBe(digest(layout, AVERAGE));
    const state = new TrainState(layout, {
      step: 2,
      parameters: filled(layout.length, 1),
      m: AVERAGE,
      v: AVERAGE,
      ema: AVERAGE,
    });
    expect(average).not.toBe(state.digest());
    state.dispose();
  });

  it.each(["eval", "train_deq"] as const)("for another score model is told of in mode %s", async (mode) => {
    expect((await opened(stale, mode)).said).toEqual([expect.stringContaining(TOLD)]);
    expect((await opened(same, mode)).said).toEqual([]);
    // Checkpoints of before say nothing.
    expect((await opened({}, mode)).said).toEqual([]);
  });

  it("loses the checkpoints that a killed save has left too many, in its training alone", async () => {
    expect((await opened(same, "eval")).left).toBe(2);
    expect((await opened(same, "train_deq")).left).toBe(1);
  });

  it("does not go on with other data, unless they are allowed", async () => {
    const other = { ...same, dataDigest: "of others" };
    await expect(opened(other, "train_deq")).rejects.toThrow(
      /dequantizer .*checkpoint_2\.arrow was trained on other data/,
    );
    expect((await opened(other, "train_deq", ["data"])).said).toEqual([
      expect.stringContaining("note: the dequantizer continues with other data, as --allow data says"),
    ]);
  });

  it("does not go on with other settings of its training, but is evaluated", async () => {
    const other = { ...same, dequantizer: { ...config.dequantizer, lr: 0.5, steps: 9 } };
    await expect(opened(other, "train_deq")).rejects.toThrow(
      /dequantizer .*checkpoint_2\.arrow was trained with other settings:\n {2}dequantizer\.lr: 0\.5 there, 0\.0002 asked for\n/,
    );
    expect((await opened(other, "eval")).said).toEqual([]);
  });
});
