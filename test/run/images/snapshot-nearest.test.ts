/** The samples of a look beside the images of the training. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { EMPTY, lastValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { type ImageDataset, loadedImages } from "../../../src/data/dataset.ts";
import { evaluationOrder } from "../../../src/data/evaluation-order.ts";
import { loadEngine } from "../../../src/engine/load.ts";
import type { NearestImages } from "../../../src/metrics/nearest-images.ts";
import type { RunEvent } from "../../../src/metrics/run-event.ts";
import { snapshotNearest } from "../../../src/run/images/snapshot-nearest.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { configOf } from "../effects/run.ts";

const SIZE = 16;
await loadEngine();

/** Grey images of 4 x 4, image i of the grey `first + step i`. */
function greys(split: "train" | "test", length: number, first: number, step: number): ImageDataset {
  const images = Uint8Array.from({ length: length * SIZE }, (_, i) => first + step * Math.floor(i / SIZE));
  return loadedImages({ name: "greys", split, shape: [4, 4, 1], images });
}

async function compared(sets: readonly string[], samples: readonly number[], aborted = false) {
  const workdir = temporaryFolder();
  mkdirSync(join(workdir, "samples"));
  const told: RunEvent[] = [];
  const signal = aborted ? AbortSignal.abort() : new AbortController().signal;
  const context = { config: configOf(sets), signal, workdir };
  const data = { train: greys("train", 20, 10, 10), test: greys("test", 3, 12, 10) };
  const compare = snapshotNearest(context, { tell: (event) => told.push(event) }, data);
  const pixels = Uint8Array.from({ length: samples.length * SIZE }, (_, i) => samples[Math.floor(i / SIZE)]!);
  await lastValueFrom(compare(pixels, 7), { defaultValue: EMPTY });
  await lastValueFrom(compare(pixels, 9), { defaultValue: EMPTY });
  const file = (name: string) => join(workdir, "samples", name);
  const read = (step: number) => JSON.parse(readFileSync(file(`nearest_${step}.json`), "utf8")) as NearestImages;
  return { file, read, metrics: told.map((event) => (event.type === "metric" ? [event.name, event.step, event.value] : event)) }; // prettier-ignore
}

describe("the comparison of samples with images of the training", () => {
  it("writes the nearest image of each sample, its distance, and the distances of test images", async () => {
    const { file, read, metrics } = await compared([], [43, 150, 205, 11]);
    expect(read(7)).toEqual({
      ...{ step: 7, searched: 20, of: 20, mirrored: true, shape: [4, 4, 1] },
      samples: [
        { image: 3, distance: 3 },
        { image: 14, distance: 0 },
        { image: 19, distance: 5 },
        { image: 0, distance: 1 },
      ],
      test: [2, 2, 2],
    });
    expect(metrics).toEqual([7, 9].flatMap((step) => [["eval/nearest", step, 2.25], ["eval/nearest_test", step, 2]])); // prettier-ignore
    expect(read(9)).toEqual({ ...read(7), step: 9 });
    const { width, height, data } = decode(readFileSync(file("nearest_7.png")));
    expect([width, height]).toEqual([14, 14]);
    const middles = [4, 10].flatMap((y) => [4, 10].map((x) => data[y * width + x]));
    expect(middles).toEqual([40, 150, 200, 10]);
  });

  it("searches as many as training.snapshotNearest says, as drawn at random from all, and mirrors as the training", async () => {
    const { read } = await compared(["training.snapshotNearest=5", "data.randomFlip=false"], [43, 150]);
    const { searched, of, mirrored, samples } = read(7);
    expect([searched, of, mirrored]).toEqual([5, 20, false]);
    const among = [...evaluationOrder(20, 5)];
    const nearest = (grey: number) => among.reduce((a, b) => (Math.abs(10 + 10 * b - grey) < Math.abs(10 + 10 * a - grey) ? b : a)); // prettier-ignore
    expect(samples.map(({ image }) => image)).toEqual([43, 150].map(nearest));
  });

  it("writes nothing where it was interrupted", async () => {
    const { file, metrics } = await compared([], [43], true);
    expect(existsSync(file("nearest_7.json"))).toBe(false);
    expect(metrics).toEqual([]);
  });
});
