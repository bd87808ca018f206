import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { from, lastValueFrom, of, tap, throwError, toArray, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Config, DeepPartial } from "../../../src/run/config.ts";
import { imageQuality } from "../../../src/run/images/quality.ts";
import type { RunContext, RunEvent, Summary } from "../../../src/run/pipeline.ts";
import { resolveConfig } from "../../../src/run/resolve-config.ts";
import type { Session } from "../../../src/run/session.ts";
import { createBatch } from "../../../src/data/batch.ts";
import { loadedImages } from "../../../src/data/dataset.ts";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { countSpooled, type SpooledBatch } from "../../../src/data/image-spool.ts";
import type { NpyArray } from "../../../src/data/formats/npy.ts";
import { writeNpz } from "../../../src/data/formats/npz.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { featureStatistics } from "../../../src/quality/statistics.ts";
import { writeStatistics } from "../../../src/quality/statistics-file.ts";
import { classifyImageGraph, DIMS } from "../../quality/inception/frozen-graphs.ts";
import { loadSmall, temporaryFolder } from "../../quality/inception/fixture.ts";
import { expectNoLeak, normal } from "../../support/tensors.ts";

const shape = [4, 4, 3] as const;
const WIDTH = 48;

/** Bytes of images, a function of the seed. */
const pixels = (count: number, seed: number) =>
  Uint8Array.from(normal(count * WIDTH, seed), (x) => Math.min(Math.max(128 + 60 * x, 0), 255));

const data = loadedImages({ name: "noise", split: "train", shape, images: pixels(12, 1) });

/** @param samples Written to a file, which is measured; undefined: samples are drawn. */
async function setUp(
  samples?: Uint8Array,
  quality: DeepPartial<Config["quality"]> = {},
  signal = new AbortController().signal,
) {
  const folder = temporaryFolder();
  const [network, file] = [join(folder, "graph.pb"), join(folder, "samples.npz")];
  writeFileSync(network, classifyImageGraph());
  if (samples) await writeNpz(file, { samples: { shape: [samples.length / WIDTH, ...shape], data: samples } });
  const { config } = resolveConfig({
    settings: [{ quality: { network, batchSize: 5, ...(samples && { samples: file }), ...quality } }],
    assignments: [],
  });
  const engine = { name: "tensorflow", version: "2" } as RunContext["engine"];
  const workdir = join(folder, "run");
  const context = { name: "cifar10", workdir, config, signal, engine, cacheDir: join(folder, "cache") } as RunContext;
  return { network, context, session: { state: { step: 3 } } as Session };
}

const collect = (events: Observable<RunEvent>) => lastValueFrom(events.pipe(toArray()));
const texts = (events: readonly RunEvent[]) =>
  events.flatMap((e) => (e.type === "message" ? [e.text] : e.type === "stage" ? [e.name] : []));
const results = (events: readonly RunEvent[]): Partial<Summary> =>
  Object.assign({}, ...events.map((e) => (e.type === "result" ? e.values : {})));

/** Draws nothing. */
const unused = () => throwError(() => new Error("samples were drawn"));

describe("imageQuality", () => {
  it("finds the images of the data as good as the data, and keeps the data's features", async () => {
    const { context, session } = await setUp(data.images);
    const cache = join(context.cacheDir, "quality");
    await expectNoLeak(async () => {
      const quality = imageQuality(context, session, data, loadSmall);
      expect(quality.report).toBeUndefined();
      const first = await collect(quality.of(unused));
      const { fid, kid, inceptionScore } = results(first);
      expect(Math.abs(fid!)).toBeLessThan(1e-9);
      expect(kid!).toBeLessThan(0);
      expect(inceptionScore).toBeGreaterThan(1);
      expect(quality.report).toEqual({ fid, kid, inceptionScore, note: "On 12 samples, compared with noise (train)." });
      expect(texts(first)).toContain("features of noise (train)");

      const later = imageQuality(context, session, data, loadSmall);
      const again = await collect(later.of(unused));
      expect(results(again)).toEqual(results(first));
      expect(later.report).toEqual(quality.report);
      expect(texts(again)[0]).toMatch(/statistics of the data: .*cache\/quality\/noise_train_[0-9a-f]{16}\.npz/);
      expect(texts(again)).not.toContain("features of noise (train)");
    });
    const damaged = join(cache, readdirSync(cache)[0]!);
    writeFileSync(damaged, readFileSync(damaged).subarray(0, 100));
    await expect(collect(imageQuality(context, session, data, loadSmall).of(unused))).rejects.toThrow(
      /cannot be read: .*not an npz file.*\n.*remove the file, it is computed again/s,
    );
    // Other images have features of their own.
    const other = loadedImages({ ...data, images: pixels(12, 9) });
    const { fid } = results(await collect(imageQuality(context, session, other, loadSmall).of(unused)));
    expect(fid!).toBeGreaterThan(1e-4);
    expect(readdirSync(cache)).toHaveLength(2);
  });

  it("measures samples as they are drawn, with the same result as from a file", async () => {
    const images = pixels(10, 4);
    const batches = [0, 4, 8].map((first) =>
      createBatch(
        { image: { data: images.subarray(first * WIDTH, Math.min(first + 4, 10) * WIDTH), shape } },
        { step: 0, shard: 0, shards: 1, firstSample: first },
      ),
    );
    const { context, session } = await setUp(undefined, { numSamples: 8 });
    const quality = imageQuality(context, session, data, loadSmall);
    const drawn = await collect(quality.of((measure) => from(batches).pipe(measure!(10))));
    expect(quality.report!.note).toMatch(/^On 8 samples/);
    const other = await setUp(images, { numSamples: 8 });
    const { fid } = results(await collect(imageQuality(other.context, session, data, loadSmall).of(unused)));
    expect(fid).toBeCloseTo(results(drawn).fid!, 5);
  });

  it("compares with the statistics it is given", async () => {
    const statistics = join(temporaryFolder(), "stats.npz");
    const { network, context, session } = await setUp(data.images, { statistics });
    const inception = loadSmall(network);
    const { pool3 } = inception.features(data.images, shape);
    inception.dispose();
    const found = await featureStatistics({ name: "x", data: pool3, rows: 12, dims: DIMS });
    await writeStatistics(statistics, { statistics: found, pool3: undefined });
    const events = await collect(imageQuality(context, session, data, loadSmall).of(unused));
    expect(Math.abs(results(events).fid!)).toBeLessThan(1e-6);
    expect(texts(events)).toContain(`quality: statistics of the data: ${statistics}`);
    expect(existsSync(context.cacheDir)).toBe(false);

    const mu = { shape: [9], data: new Float64Array(9) };
    await writeNpz(statistics, { mu, sigma: { shape: [9, 9], data: new Float64Array(81) } });
    await expect(collect(imageQuality(context, session, data, loadSmall).of(unused))).rejects.toThrow(
      /stats\.npz have 9 features, graph\.pb gives 5/,
    );
  });

  it("tells how to get the network where there is none, and draws only", async () => {
    const { context, session } = await setUp();
    const { config } = resolveConfig({ settings: [], assignments: [] });
    const quality = imageQuality({ ...context, config }, session, data, loadSmall);
    const drawn: RunEvent = { type: "result", values: { samples: "grid.png" } };
    const events = await collect(quality.of((measure) => (measure ? unused() : of(drawn))));
    expect(events.slice(1)).toEqual([drawn]);
    expect(texts(events)[0]).toContain(`--workdir ${context.workdir} `);
    // The report is passed on, without the folders of this machine.
    expect(quality.report!.note).toBe(texts(events)[0]!.replace(context.workdir, "WORKDIR"));
    for (const part of [
      "classify_image_graph_def.pb",
      "pt_inception-2015-12-05-6726825d.pth",
      "quality.network=FILE",
    ]) {
      expect(texts(events)[0]).toContain(part);
    }
  });

  it.each([
    ["no statistics", { statistics: "absent.npz" }, /statistics absent\.npz cannot be read/],
    ["no network", { network: "absent.pb" }, /absent\.pb cannot be read/],
    ["no samples", { samples: "absent.npz" }, /quality\.samples absent\.npz cannot be read/],
  ])("says when there are %s", async (_, quality, reason) => {
    const { context, session } = await setUp(data.images, quality);
    const run = collect(imageQuality(context, session, data, loadSmall).of(unused));
    await expect(run).rejects.toThrow(UsageError);
    await expect(run).rejects.toThrow(reason);
  });

  it.each<[string, Record<string, NpyArray>, RegExp]>([
    [
      "floats",
      { samples: { shape: [2, 3], data: new Float32Array(6) } },
      /must be bytes \[N, H, W, C\], but their shape is \[2,3\]/,
    ],
    ["other arrays", { x: { shape: [1], data: new Uint8Array(1) } }, /neither samples nor arr_0/],
    ["one sample", { arr_0: { shape: [1, ...shape], data: pixels(1, 1) } }, /1 samples, at least 2/],
  ])("refuses a file of %s", async (_, arrays, reason) => {
    const samples = join(temporaryFolder(), "samples.npz");
    await writeNpz(samples, arrays);
    const { context, session } = await setUp(undefined, { samples });
    await expect(collect(imageQuality(context, session, data, loadSmall).of(unused))).rejects.toThrow(reason);
  });

  it("keeps the features so far when it is told to stop among the training images, and goes on to the same bits", async () => {
    const stop = new AbortController();
    const { context, session } = await setUp(data.images, { batchSize: 2 }, stop.signal);
    const seen: RunEvent[] = [];
    await expectNoLeak(async () => {
      const events = imageQuality(context, session, data, loadSmall).of(unused);
      const watched = events.pipe(
        tap((event) => {
          seen.push(event);
          if (event.type === "progress" && event.done === 6) stop.abort();
        }),
      );
      // The image in hand may end it with the signal's reason.
      await collect(watched).catch((error: Error) => expect(error.message).toMatch(/aborted/));
    });
    expect(texts(seen).filter((text) => /the next start continues after the features of \d+$/.test(text))).toHaveLength(
      1,
    );
    expect(results(seen)).toEqual({});
    expect(existsSync(context.cacheDir)).toBe(false);

    const signal = new AbortController().signal;
    const kept = countSpooled(
      readProgress<SpooledBatch>(join(context.workdir, "eval/features_partial.jsonl"))!.entries,
    );
    expect(kept).toBeGreaterThanOrEqual(6);
    const again = await collect(imageQuality({ ...context, signal }, session, data, loadSmall).of(unused));
    expect(texts(again)).toContain(`quality: continuing after the features of ${kept} of 12 images`);
    const computed = again
      .filter((event) => event.type === "progress")
      .map((event) => (event as { done: number }).done);
    expect(computed.slice(0, 6)).toEqual([2, 4, 6, 8, 10, 12]);
    expect(readdirSync(join(context.workdir, "eval"))).toEqual([]);

    const whole = await setUp(data.images, { batchSize: 2 });
    await collect(imageQuality(whole.context, session, data, loadSmall).of(unused));
    const files = [context, whole.context].map(({ cacheDir }) => join(cacheDir, "quality"));
    const [resumed, alone] = files.map((folder) => readFileSync(join(folder, readdirSync(folder)[0]!)));
    expect(resumed!.equals(alone!)).toBe(true);
  });

  it("computes features anew that are damaged", async () => {
    const stop = new AbortController();
    const { context, session } = await setUp(data.images, { batchSize: 2 }, stop.signal);
    const run = (other: Partial<RunContext>) => collect(imageQuality({ ...context, ...other }, session, data, loadSmall).of(unused)); // prettier-ignore
    const stopped = imageQuality(context, session, data, loadSmall).of(unused).pipe(tap((event) => event.type === "progress" && event.done === 6 && stop.abort())); // prettier-ignore
    await collect(stopped).catch(() => {});
    const path = join(context.workdir, "eval/features_partial.bin");
    const bytes = readFileSync(path);
    bytes[3]! ^= 1;
    writeFileSync(path, bytes);
    const signal = new AbortController().signal;
    const again = await run({ signal });
    expect(texts(again)).toContain(`warning: ${path}: batch 1 is damaged: it is computed again`);
    expect(Math.abs(results(again).fid!)).toBeLessThan(1e-9);
  });
});
