import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ignoreElements, map, tap, toArray, type Observable } from "rxjs";
import { afterAll, describe, expect, it } from "vitest";
import type { Measure } from "../../../src/run/images/quality.ts";
import { readArrowFile } from "../../../src/data/formats/arrow-file.ts";
import { ProgressFile } from "../../../src/data/formats/progress-file.ts";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { bytes, type Batch } from "../../../src/data/batch.ts";
import { readNpz } from "../../../src/data/formats/npz.ts";
import type { RunEvent } from "../../../src/metrics/run-event.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { removeTrained, set, SIZE, tiny, trained } from "./evaluation-fixture.ts";

const FILES = ["samples_3.arrow", "samples_3.npz", "samples_3.png"];
const filesIn = (workdir: string) => readdirSync(join(workdir, "samples")).sort();
const sampling = (workdir: string, ...settings: string[]) => [
  ...["--mode", "sample", "--workdir", workdir, ...set(...settings)],
];

afterAll(removeTrained);

describe("--mode sample", { timeout: 120_000 }, () => {
  it("writes all samples as Arrow and npz beside the grid, which training writes alone", async () => {
    const workdir = temporaryFolder();
    await tiny(["--workdir", workdir]);
    expect(filesIn(workdir)).toEqual(["samples_3.png"]);
    const grid = readFileSync(join(workdir, "samples", "samples_3.png"));
    const { exitCode, summary } = await tiny(sampling(workdir));
    expect(exitCode).toBe(0);
    expect(summary.samples).toBe(join(workdir, "samples", "samples_3.png"));
    expect(filesIn(workdir)).toEqual(FILES);
    expect(readFileSync(summary.samples!).equals(grid)).toBe(true);
    const { data, shape } = (await readNpz(join(workdir, "samples", "samples_3.npz"))).get("samples")!;
    expect([data.constructor, shape]).toEqual([Uint8Array, [5, SIZE, SIZE, 1]]);
    expect(new Set(data as Uint8Array).size).toBeGreaterThan(1);
    const column = readArrowFile(join(workdir, "samples", "samples_3.arrow")).columns.get("image")!;
    expect([column.shape, [...column.data]]).toEqual([[SIZE, SIZE, 1], [...(data as Uint8Array)]]);
  });

  it.each([["sampling.method=ode"], ["sampling.stepControl=image"], ["sampling.method=pc", "model.numScales=60"]])(
    "with %s stopped half-way goes on to the same files, to the bit",
    async (...settings) => {
      const [workdir, whole] = [await trained(), await trained()];
      const first = await tiny(sampling(workdir, ...settings), { stopAt: /samples: 2\/5/ });
      expect([first.exitCode, first.summary.samples]).toEqual([143, undefined]);
      const second = await tiny(sampling(workdir, ...settings));
      expect(second.stderr).toMatch(/going on after [24] images drawn before/);
      expect((await tiny(sampling(whole, ...settings))).stderr).not.toContain("going on");
      for (const name of FILES) {
        const [a, b] = [workdir, whole].map((folder) => readFileSync(join(folder, "samples", name)));
        expect(a!.equals(b!), name).toBe(true);
      }
      expect(filesIn(workdir)).toEqual(FILES);
    },
  );

  it("refuses samples that another version has begun", async () => {
    const workdir = await trained();
    await tiny(sampling(workdir), { stopAt: /samples: 2\/5/ });
    const partial = join(workdir, "samples", "samples_3_partial.jsonl");
    const { work, entries } = readProgress(partial)!;
    const file = new ProgressFile(partial, { ...(work as object), code: "0.0.9+0123456789ab" });
    for (const entry of entries) file.append(entry);
    const { exitCode, stderr } = await tiny(sampling(workdir));
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/[24] of 5 images come from ScoreStream 0\.0\.9/)]);
    expect(stderr).toContain(`remedy: use that version, or remove the file`);
  });

  it("does not go on with samples of other settings", async () => {
    const workdir = await trained();
    await tiny(sampling(workdir), { stopAt: /samples: 2\/5/ });
    const { stderr } = await tiny(sampling(workdir, "sampling.rtol=0.5"));
    expect(stderr).not.toContain("going on");
  });

  it("measures the samples when they are all there", async () => {
    const workdir = await trained();
    let pixels: number[] = [];
    const measure: Measure = (total, credit) => (samples: Observable<Batch<"image">>) =>
      samples.pipe(
        credit!.refund(),
        map((batch) => [...bytes(batch, "image").data]),
        toArray(),
        map((batches): RunEvent => ({ type: "result", values: { fid: (pixels = batches.flat()).length / total } })),
      );
    const { summary } = await tiny(sampling(workdir), { measure });
    expect(summary.fid).toBe(SIZE * SIZE);
    const { data } = (await readNpz(join(workdir, "samples", "samples_3.npz"))).get("samples")!;
    expect(pixels).toEqual([...(data as Uint8Array)]);
    let measured = 0;
    const count: Measure = () => (samples) => samples.pipe(tap(() => measured++), ignoreElements()); // prettier-ignore
    await tiny(sampling(workdir), { measure: count, stopAt: /samples: 2\/5/ });
    expect(measured).toBe(0);
  });

  it.each([
    ["sampling.numSamples=0", "sampling.numSamples: 0 is out of range"],
    ["sampling.rtol=0", "sampling.rtol: 0 is out of range"],
  ])("--set %s: exit 2", async (setting, text) => {
    const { exitCode, stderr } = await tiny(sampling(temporaryFolder(), setting));
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(text)]);
  });
});
