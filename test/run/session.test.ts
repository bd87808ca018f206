import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defer, EMPTY, ignoreElements, lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/load.ts";
import { tf } from "../../src/engine/tf.ts";
import type { Mode, RunContext } from "../../src/run/pipeline.ts";
import { parseAssignment, resolveConfig } from "../../src/run/resolve-config.ts";
import { session, type RunPhases, type Session } from "../../src/run/session.ts";
import { digest, layoutOf } from "../../src/models/parameters.ts";
import { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import type { Snapshot } from "../../src/training/train-state.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { linearModel } from "../streams/fixture.ts";

const network = linearModel([1, 1, 1]);
const layout = layoutOf(network.parameters);
/** The parameters b and w of the network, in the layout. */
const vector = (b = 0, w = 0) => {
  const values = new Float32Array(layout.length);
  for (const { name, offset } of layout.slots) values[offset] = name === "b" ? b : w;
  return values;
};
const AVERAGE = vector(0.5, 3);

/** Writes a checkpoint whose average differs from its parameters; its path. */
async function save(workdir: string, step: number, averages?: Snapshot["averages"]): Promise<string> {
  const store = new CheckpointStore({ workdir, layout, config: {}, keep: 9 });
  const [parameters, m, v, ema] = [vector(-1, 7), vector(), vector(), AVERAGE];
  return store.save("checkpoints", { step, parameters, m, v, ema, ...(averages && { averages }) });
}

interface Told {
  readonly mode?: Mode;
  readonly workdir: string;
  readonly signal?: AbortSignal;
  readonly sets?: readonly string[];
}

const NOTHING = { train: () => EMPTY, evaluate: () => EMPTY, sample: () => EMPTY };

/** Runs the phases that `build` gives beside `others`; the events, and what the session was. */
function run(
  { mode = "train", workdir, signal, sets = [] }: Told,
  build: (own: Session) => Partial<RunPhases>,
  others: RunPhases = NOTHING,
) {
  const { config } = resolveConfig({ settings: [{}], assignments: sets.map(parseAssignment) });
  const engine = { name: "tensorflow", version: "0", device: "cpu", native: false } as Engine;
  const given = { name: "tiny", mode, preset: "quick", config, workdir, cacheDir: workdir, engine } as const;
  const context: RunContext = { ...given, signal: signal ?? new AbortController().signal };
  const phases = (own: Session): RunPhases => ({ ...others, ...build(own) });
  return lastValueFrom(session(context, { network }, phases).pipe(toArray()));
}

/** Step of the state that a session begins with. */
async function begins(told: Told): Promise<number> {
  let step = -1;
  await run(told, ({ state }) => ((step = state.step), {}));
  return step;
}

describe("a session begins with", () => {
  it("the newest checkpoint of its own in training, the given file in other modes", async () => {
    const workdir = temporaryFolder();
    const sets = [`checkpoint=${await save(temporaryFolder(), 9)}`];
    expect(await begins({ workdir })).toBe(0);
    expect(await begins({ workdir, sets })).toBe(9);
    await save(workdir, 2);
    await save(workdir, 4);
    expect(await begins({ workdir, sets })).toBe(4);
    for (const mode of ["eval", "sample"] as const) {
      expect(await begins({ workdir, sets, mode })).toBe(9);
      expect(await begins({ workdir, mode })).toBe(4);
    }
  });
});

describe("a session", () => {
  it("of training has the averages that its settings name alone, as other nodes have them", async () => {
    const given = new Map([0.5, 0.9].map((rate) => [rate, vector(rate)]));
    const sets = [`checkpoint=${await save(temporaryFolder(), 9, given)}`, "model.emaRates=0.9,0.3"];
    let found: (readonly [number, unknown])[] = [];
    const workdir = temporaryFolder();
    await run({ workdir, sets }, ({ state }) => {
      found = [...state.averages].map(([rate, average]) => [rate, average.dataSync()]);
      return {};
    });
    expect(found).toEqual([
      [0.9, vector(0.9)],
      [0.3, AVERAGE],
    ]);
  });

  it("removes the checkpoints that a killed save has left too many, in training alone", async () => {
    const workdir = temporaryFolder();
    for (const step of [1, 2, 3, 4]) await save(workdir, step);
    const left = () => readdirSync(join(workdir, "checkpoints")).sort();
    const sets = ["training.keepCheckpoints=1", "training.keepEvery=2"];
    await begins({ workdir, mode: "eval", sets });
    expect(left()).toHaveLength(4);
    await begins({ workdir, sets });
    expect(left()).toEqual(["checkpoint_2.arrow", "checkpoint_4.arrow"]);
  });

  it("holds its network to its SDE", async () => {
    await run({ workdir: temporaryFolder() }, ({ network, sde }) => (expect(network.sde).toBe(sde), {}));
  });

  it("scores with the averaged parameters, and tells their digest", async () => {
    const workdir = temporaryFolder();
    await save(workdir, 1);
    const found: number[][] = [];
    await run({ workdir, mode: "eval" }, ({ sde, score, averageDigest }) => {
      expect(averageDigest()).toBe(digest(layout, AVERAGE));
      const values = async () => {
        const t = Float64Array.of(0.5);
        // The network is w x + b; the score of vp is its output over -sigma.
        const [sigma, x] = [sde.std(0.5), Float32Array.of(2)];
        const plain = await score.score(x, t);
        const both = await score.scoreAndDivergence(x, t, Float32Array.of(1));
        found.push([plain[0]! * -sigma, both.score[0]! * -sigma, both.divergence[0]! * -sigma]);
      };
      return { evaluate: () => defer(values).pipe(ignoreElements()) };
    });
    expect(found).toEqual([[6.5, 6.5, 3].map((value) => expect.closeTo(value, 5) as number)]);
  });

  it.each(["train", "eval", "sample"] as const)("of mode %s begins no phase after a stop", async (mode) => {
    const workdir = temporaryFolder();
    await save(workdir, 1);
    const all = { train: ["train", "evaluate", "sample", "report"], eval: ["evaluate", "report"] };
    const expected = mode === "sample" ? ["sample", "report"] : all[mode];
    for (const stopping of [undefined, ...expected]) {
      const [begun, stop] = [[] as string[], new AbortController()];
      const phase = (name: string) => () => {
        begun.push(name);
        if (name === stopping) stop.abort();
        return EMPTY;
      };
      const phases = { train: phase("train"), evaluate: phase("evaluate"), sample: phase("sample") };
      await run({ workdir, mode, signal: stop.signal }, () => ({ ...phases, report: phase("report") }));
      expect(begun).toEqual(stopping ? expected.slice(0, expected.indexOf(stopping) + 1) : expected);
    }
  });

  it("plans no phase of a part that the pipeline lacks, and refuses its mode", async () => {
    const workdir = temporaryFolder();
    const plans = async (build: Partial<RunPhases>) => {
      const events = await run({ workdir }, () => build, { train: () => EMPTY });
      return events.flatMap((event) => (event.type === "plan" ? [event.totals] : []));
    };
    const evaluating = { evaluating_loss: 0, evaluating_likelihood: 0, evaluating_bound: 0 };
    expect(await plans({})).toEqual([{ ...evaluating, sampling: 0 }]);
    expect(await plans({ evaluate: NOTHING.evaluate })).toEqual([{ sampling: 0 }]);
    expect(await plans(NOTHING)).toEqual([{}]);
    await save(workdir, 1);
    const begun = (mode: Mode) => run({ workdir, mode }, () => ({}), { train: () => EMPTY });
    await expect(begun("eval")).rejects.toThrow("--mode eval: this pipeline evaluates nothing");
    await expect(begun("sample")).rejects.toThrow("--mode sample: this pipeline draws nothing");
    await begun("train");
  });

  it("finds what one dequantization has evaluated, not the other, and only of the same settings", async () => {
    const workdir = temporaryFolder();
    await save(workdir, 1);
    const [plain, learned] = [
      { first: 0, values: [1] },
      { first: 0, values: [2] },
    ];
    await run({ workdir, mode: "eval" }, ({ progress }) => {
      progress("bpd", 2).append(plain);
      progress("bound", 2, "of a dequantizer").append(learned);
      return {};
    });
    const look = async (...sets: string[]) => {
      let seen: unknown;
      await run({ workdir, mode: "eval", sets }, ({ found }) => {
        seen = [
          ...[found("bpd", "uniform"), found("bpd", "variational")],
          ...[found("bound", "uniform"), found("bound", "variational")],
        ];
        return {};
      });
      return seen;
    };
    expect(await look()).toEqual([[plain], [], [], [learned]]);
    expect(await look("eval.boundTimes=7")).toEqual([[plain], [], [], []]);
    expect(await look("seed=7")).toEqual([[], [], [], []]);
    // A file under the other's name is not taken for it.
    const at = (name: string) => join(workdir, "eval", name);
    copyFileSync(at("bpd.jsonl"), at("bpd_variational.jsonl"));
    copyFileSync(at("bound_variational.jsonl"), at("bound.jsonl"));
    expect(await look()).toEqual([[plain], [], [], [learned]]);
  });

  it("says that nothing is trained where the checkpoint is beyond the last step", async () => {
    const workdir = temporaryFolder();
    await save(workdir, 7);
    const notes = async (mode: Mode, steps: number) =>
      (await run({ workdir, mode, sets: [`training.steps=${steps}`] }, () => ({}))).flatMap((event) =>
        event.type === "message" && event.text.startsWith("note: ") ? [event.text] : [],
      );
    expect(await notes("train", 5)).toEqual(["note: training.steps is 5: nothing is trained, and the results are of step 7"]); // prettier-ignore
    expect([await notes("train", 7), await notes("eval", 5)]).toEqual([[], []]);
  });

  it("frees its tensors where the pipeline fails to build its parts", async () => {
    const workdir = temporaryFolder();
    await run({ workdir }, () => ({}));
    const before = tf.memory().numTensors;
    const failing = () => {
      throw new RangeError("no such part");
    };
    await expect(run({ workdir }, failing)).rejects.toThrow("no such part");
    expect(tf.memory().numTensors).toBe(before);
  });
});
