/** Looks in mid-training: the best checkpoint, which they choose, and the grids that they leave. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { concat, EMPTY, lastValueFrom, map, toArray, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import { withColumns } from "../../../src/data/batch.ts";
import { loadEngine } from "../../../src/engine/load.ts";
import { layoutOf } from "../../../src/models/parameters.ts";
import { imageSampler, type Measures } from "../../../src/run/images/method.ts";
import { imageSnapshot, type ImageSnapshots } from "../../../src/run/images/snapshot.ts";
import type { RunContext } from "../../../src/run/pipeline.ts";
import { session, type Session } from "../../../src/run/session.ts";
import { bestBound, bestPath, namedCheckpoint } from "../../../src/training/checkpoints/best-checkpoint.ts";
import { readCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import type { Snapshot } from "../../../src/training/train-state.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { configOf, dataset, linear } from "../effects/run.ts";

const layout = layoutOf(linear.parameters);
const zeros = new Float32Array(layout.length);
const stateOf = (step: number): Snapshot => ({ step, parameters: zeros, m: zeros, v: zeros, ema: zeros });

/** Measures that find these bounds of held-out images, one a look, and 1 of images of the training. */
const finding = (bounds: readonly number[]): Measures => {
  let next = 0;
  return () => ({
    likelihood: map(() => {
      throw new Error("not measured");
    }),
    bound: map((batch) => {
      const value = batch.info.step === 0 && bounds.length > next ? bounds[next++]! : NaN;
      return withColumns(batch, { bpd: { data: new Float32Array(batch.size).fill(value), shape: [] } });
    }),
  });
};

async function looked(
  workdir: string,
  bounds: readonly number[],
  looks: (snapshots: ImageSnapshots, own: Session) => Observable<unknown>,
  sets: readonly string[] = [],
) {
  const config = configOf(["training.boundImages=2", ...sets]);
  const [engine, signal] = [await loadEngine(), new AbortController().signal];
  const context: RunContext = { name: "tiny", mode: "train", config, workdir, cacheDir: workdir, engine, signal };
  const data = { train: dataset("train", 4), test: dataset("test", 4) };
  const events = session(context, { network: linear }, (own) => {
    const snapshots = imageSnapshot(context, own, data, { measures: finding(bounds), sampler: imageSampler });
    return {
      train: () => looks(snapshots, own).pipe(map(() => ({ type: "message", text: "" }) as const)),
      evaluate: () => EMPTY,
      sample: () => EMPTY,
    };
  });
  return lastValueFrom(events.pipe(toArray()));
}

const best = (workdir: string) => readCheckpoint(bestPath(workdir), layout).step;

describe("the best checkpoint", () => {
  it("is the one of the smallest held-out bound, over several runs of the program", async () => {
    const workdir = temporaryFolder();
    // Each look finds a bound of held-out images, then one of images of the training.
    const events = await looked(workdir, [3, 9, 2, 1, 2.5, 0], ({ look }) => concat(...[3, 4, 5].map((step) => look(stateOf(step))))); // prettier-ignore
    expect(best(workdir)).toBe(4);
    const told = events.flatMap((event) =>
      event.type === "metric" && event.name.includes("bound") ? [[event.name, event.step, event.value]] : [],
    );
    expect(told.slice(0, 4)).toEqual([
      ["eval/bound", 3, 3],
      ["eval/bound_train", 3, 9],
      ["eval/bound", 4, 2],
      ["eval/bound_train", 4, 1],
    ]);
    await looked(workdir, [2.2, 0], ({ look }) => look(stateOf(8)));
    expect(best(workdir)).toBe(4);
    await looked(workdir, [1.5, 0], ({ look }) => look(stateOf(9)));
    expect(best(workdir)).toBe(9);
    expect(namedCheckpoint(workdir, "best")).toBe(bestPath(workdir));
  });

  it("is not compared with a bound of other images or times", async () => {
    const workdir = temporaryFolder();
    await looked(workdir, [1, 0], ({ look }) => look(stateOf(3)));
    await looked(workdir, [2, 0], ({ look }) => look(stateOf(4)), ["eval.boundTimes=3"]);
    expect(best(workdir)).toBe(4);
    expect(await bestBound(workdir, {})).toBeUndefined();
  });

  it("may be that of the last step, where a look came before it", async () => {
    const [workdir, other] = [temporaryFolder(), temporaryFolder()];
    const advanced = (own: Session) => own.state.restore(stateOf(7));
    const ending = ({ look, last }: ImageSnapshots, own: Session) => concat(look(stateOf(3)), (advanced(own), last));
    await looked(workdir, [2, 0, 1], ending);
    expect(best(workdir)).toBe(7);
    // A run that ended between its last step and its last look goes on from the last step.
    await looked(workdir, [0.5], ({ last }, own) => (expect(own.state.step).toBe(0), last));
    expect(best(workdir)).toBe(0);
    await looked(other, [1], ({ last }, own) => (advanced(own), last));
    expect(existsSync(bestPath(other))).toBe(false);
    expect(() => namedCheckpoint(other, "best")).toThrow("has no best checkpoint");
    expect(namedCheckpoint(other, "a.arrow")).toBe("a.arrow");
  });
});

describe("the grids of a look", () => {
  const grids = async (state: Snapshot, sets: readonly string[] = []) => {
    const workdir = temporaryFolder();
    await looked(workdir, [], ({ look }) => look(state), sets);
    const names = readdirSync(join(workdir, "samples")).sort();
    return { names, file: (name: string) => readFileSync(join(workdir, "samples", name)) };
  };
  const moved = zeros.map((_, i) => 0.3 + i);

  it("are by the averaged parameters and by those that are not, of the same noise", async () => {
    const [same, apart] = [await grids(stateOf(3)), await grids({ ...stateOf(3), parameters: moved })];
    expect(apart.names).toEqual(["nearest_3.json", "nearest_3.png", "raw_3.png", "samples_3.png"]);
    expect(same.file("raw_3.png")).toEqual(same.file("samples_3.png"));
    expect(apart.file("samples_3.png")).toEqual(same.file("samples_3.png"));
    expect(apart.file("raw_3.png")).not.toEqual(apart.file("samples_3.png"));
    const averaged = await grids({ ...stateOf(3), ema: moved });
    expect(apart.file("raw_3.png")).toEqual(averaged.file("samples_3.png"));
  });

  it("are one where no more is asked for", async () => {
    const { names } = await grids(stateOf(3), ["training.snapshotRaw=false", "training.snapshotNearest=0"]);
    expect(names).toEqual(["samples_3.png"]);
  });
});
