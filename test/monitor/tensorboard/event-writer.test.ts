import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { pngGrid } from "../../../src/data/formats/png-grid.ts";
import { tfRecords } from "../../../src/data/sources/tfrecord.ts";
import { EventWriter } from "../../../src/monitor/tensorboard/event-writer.ts";
import { histogramOf } from "../../../src/metrics/histogram.ts";
import { tfRecord } from "../../../src/monitor/tensorboard/tfrecord.ts";
import { collect, temporaryFolder } from "../fixture.ts";
import { loadEvents } from "./fixture.ts";

const SECONDS = 1_767_000_000.25;

function writerIn(folder: string, now = () => SECONDS): EventWriter {
  const writer = new EventWriter(folder, now);
  onTestFinished(() => writer.close());
  return writer;
}

/** What float32 makes of a number. */
const f32 = Math.fround;

describe("tfRecord", () => {
  it("frames data as TensorBoard does", () => {
    // The record of "abc", written by TensorBoard 2.20's RecordWriter.
    const record = tfRecord(Buffer.from("abc"));
    expect(Buffer.from(record).toString("hex")).toBe("0300000000000000b099490e6162636e57f121");
  });

  it("is read back by this project's reader, any length", async () => {
    const path = join(temporaryFolder(), "records");
    const data = [0, 1, 7, 8, 65_537].map((length) => new Uint8Array(length).map((_, i) => i));
    writeFileSync(path, Buffer.concat(data.map(tfRecord)));
    expect(await collect(tfRecords(path))).toEqual(data.map((bytes) => ({ bytes: Buffer.from(bytes) })));
  });
});

describe("histogramOf", () => {
  it("puts each value into the bucket that ends above it", () => {
    const { bucketLimit, bucket, ...moments } = histogramOf([
      [-2, 0, 0],
      [1e-13, 0.5, 2 ** 100],
    ]);
    expect(moments).toEqual({ min: -2, max: 2 ** 100, num: 6, sum: -1.5 + 2 ** 100, sumSquares: 4.25 + 2 ** 200 });
    const filled = bucket.flatMap((count, i) => (count > 0 ? [[bucketLimit[i - 1]!, bucketLimit[i]!, count]] : []));
    const [two, zero, half, large] = filled as [number[], number[], number[], number[]];
    expect(filled.map(([, , count]) => count)).toEqual([1, 3, 1, 1]);
    expect(two[0]).toBeLessThanOrEqual(-2);
    expect(two[1]).toBeGreaterThan(-2);
    expect(two[0]! / two[1]!).toBeCloseTo(1.1, 12);
    expect(zero).toEqual([0, 1e-12, 3]);
    expect(half[0]).toBeLessThanOrEqual(0.5);
    expect(half[1]).toBeGreaterThan(0.5);
    expect(half[1]! / half[0]!).toBeCloseTo(1.1, 12);
    expect(large[1]).toBe(Number.MAX_VALUE);
    // Neighbouring empty buckets are one.
    expect(bucket).toEqual([0, 1, 0, 3, 0, 1, 0, 1]);
    expect(bucketLimit).toEqual([...bucketLimit].sort((a, b) => a - b));
  });

  it.each([-1e-12, 1e-12, -Number.MAX_VALUE, Number.MAX_VALUE])("counts %d, which is an end of buckets", (value) => {
    expect(histogramOf([[value]]).bucket.reduce((a, b) => a + b)).toBe(1);
  });

  it("refuses what cannot be counted", () => {
    expect(() => histogramOf([])).toThrow("histogram: there are no values");
    expect(() => histogramOf([[1, NaN]])).toThrow("histogram: values must be finite, got NaN at 1");
  });
});

describe("EventWriter", () => {
  it("writes what TensorBoard reads: scalars, images, histograms, hyperparameters", { timeout: 120_000 }, () => {
    const folder = join(temporaryFolder(), "new", "folder");
    const writer = writerIn(folder);
    writer.hparams({ sde: "subvp", "optim.lr": 2e-4, "training.steps": 950_000, "model.fir": false, "model.attn": "" });
    const values = [0.1, -1e-30, NaN, 3e38];
    for (const [i, value] of values.entries()) writer.scalar("train/loss", 2 ** 40 + i, value, SECONDS + i / 8);
    writer.scalar("eval/bpd", 0, 3.5);
    const pngs = [1, 3, 4].map((channels) => pngGrid(new Uint8Array(12 * channels).fill(9), [3, 4, channels]));
    for (const [step, png] of pngs.entries()) writer.image("samples", step, png);
    const gradients = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) ** 3);
    writer.histogram("gradient", 5, histogramOf([gradients]));

    const { version, scalars, images, histograms, hparams } = loadEvents(folder);
    expect(version).toBe(2);
    const shown = (value: number) => (Number.isNaN(value) ? "nan" : f32(value));
    expect(scalars).toEqual({
      "train/loss": values.map((value, i) => [2 ** 40 + i, SECONDS + i / 8, shown(value)]),
      "eval/bpd": [[0, SECONDS, 3.5]],
    });
    expect(images).toEqual({ samples: pngs.map((png, step) => [step, 8, 7, Buffer.from(png).toString("hex")]) });
    const { min, max, num, sum, sumSquares, bucketLimit, bucket } = histogramOf([gradients]);
    expect(histograms).toEqual({ gradient: [[5, [min, max, num, sum, sumSquares], bucketLimit, bucket]] });
    const given = { sde: "subvp", "optim.lr": 2e-4, "training.steps": 950_000, "model.fir": false, "model.attn": "" };
    expect(hparams).toEqual([given]);
  });

  it("goes on in a later file, and takes back what came after the step it goes on from", { timeout: 120_000 }, () => {
    const folder = temporaryFolder();
    const first = writerIn(folder);
    for (const step of [10, 20, 30]) first.scalar("train/loss", step, step);
    // The clock was set back.
    const second = writerIn(folder, () => SECONDS - 100);
    second.start(21);
    for (const step of [30, 40]) second.scalar("train/loss", step, -step);
    expect(readdirSync(folder).sort()).toEqual([first.path, second.path].map((path) => path.slice(folder.length + 1)));
    const values = loadEvents(folder).scalars["train/loss"]!.map(([step, , value]) => [step, value]);
    expect(values).toEqual([
      [10, 10],
      [20, 20],
      [30, -30],
      [40, -40],
    ]);
  });

  it("is refused what is no PNG, and a folder that is none", () => {
    const folder = temporaryFolder();
    expect(() => writerIn(folder).image("samples", 1, new Uint8Array(100))).toThrow("image: not a PNG");
    writeFileSync(join(folder, "file"), "");
    expect(() => writerIn(join(folder, "file"))).toThrow("EEXIST");
  });
});
