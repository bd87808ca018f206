import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { decode } from "fast-png";
import { describe, expect, it, onTestFinished } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { flightServer } from "../grpc/flight/fixture.ts";
import { run, tiny } from "./fixture.ts";
import { imagenetFolder, mnistFolder, pngFolder, prepared } from "./prepared-fixture.ts";

const smallest = tiny.slice(1);
/** Little of what comes after the training. */
const hardly = ["--set", "eval.numImages=2", "--set", "eval.boundTimes=1", "--set", "sampling.numSamples=1"];
/** A run of `name` on a prepared folder, in a workdir of its own. */
const runOn = (name: string, path: string | undefined, ...more: string[]) =>
  run([
    ...[name, ...smallest, "--preset", "quick", "--workdir", temporaryFolder()],
    ...(path === undefined ? [] : ["--set", `data.path=${path}`]),
    ...more,
  ]);

describe("the MNIST pipeline", { timeout: 600_000 }, () => {
  it("trains, evaluates and samples on grey images of 28 x 28", async () => {
    const path = await prepared("--format", "mnist", "--from", mnistFolder(30, 6));
    const { numTensors } = tf.memory();
    const { exitCode, summary, stderr } = await runOn("mnist", path);
    expect(stderr).not.toContain("error:");
    expect(exitCode).toBe(0);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(stderr).toContain("data: mnist, 30 training and 6 test images of [28, 28, 1]");
    expect(summary).toMatchObject({ pipeline: "mnist", steps: 3, evalImages: 4 });
    expect(summary.bpd).toBeGreaterThan(8);
    expect(decode(readFileSync(summary.samples!)).width).toBe(62);
  });

  it("goes on to the bit after a signal, reading from shards", async () => {
    const path = await prepared("--format", "mnist", "--from", mnistFolder(30, 6));
    const workdir = temporaryFolder();
    const words = ["mnist", ...smallest, "--preset", "quick", "--set", `data.path=${path}`];
    const more = [...hardly, "--set", "training.checkpointEvery=100", "--steps", "9"];
    const stopped = await run([...words, ...more, "--workdir", workdir], /training: 1\/9/);
    expect(stopped.exitCode).toBe(143);
    expect(stopped.summary.steps).toBeLessThan(9);
    const resumed = await run([...words, ...more, "--workdir", workdir]);
    const whole = await run([...words, ...more, "--workdir", temporaryFolder()]);
    expect(resumed.summary.parameters).toBe(whole.summary.parameters);
    expect(resumed.summary.bpd).toBe(whole.summary.bpd);
  });

  it("tells how raw files are prepared", async () => {
    const raw = mnistFolder(3, 3);
    const { exitCode, stderr } = await runOn("mnist", raw);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`data.path ${raw}: the data are not prepared`);
    expect(stderr).toContain(`remedy: npm run data -- prepare --format mnist --from ${raw} --out data/`);
  });
});

describe("the pipeline of any images", { timeout: 600_000 }, () => {
  it("trains on a folder, and says which images it holds out", async () => {
    const path = await prepared("--format", "folder", "--from", pngFolder(17, 16));
    const { exitCode, summary, stderr } = await runOn("images", path, "--set", "data.testFraction=0.25");
    expect(stderr).not.toContain("error:");
    expect(exitCode).toBe(0);
    expect(stderr).toContain("data: photos, 13 training and 4 test images of [16, 16, 3]");
    expect(stderr).toMatch(/has no test split: every 4th image is held out for evaluation, 4 of 17/);
    expect(summary).toMatchObject({ pipeline: "images", steps: 3, evalImages: 4 });
    expect(summary.bpd).toBeGreaterThan(8);
    const page = readFileSync(summary.report!, "utf8");
    expect(page).toContain("bits/dim");
  });

  it("copies the images of a server once, and trains on the same bytes", async () => {
    const path = await prepared("--format", "folder", "--from", pngFolder(8, 8));
    const more = [...hardly, "--set", "data.testFraction=0.5"];
    const server = await flightServer([join(path, "train")]);
    const url = `grpc://${server.endpoint.host}:${server.endpoint.port}`;
    const other = await runOn("images", `${url}/else`);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toMatch(/data\.path \S+: it has nothing of that name\n.*data\.path=grpc:\/\/\S+\/NAME/);
    const { exitCode, summary, stderr } = await runOn("images", url, ...more);
    expect(stderr).not.toContain("error:");
    expect(exitCode).toBe(0);
    const copy = /NOTE: 8 images \(\S+ \w+\) are copied from \S+ to (\S+) /.exec(stderr)![1]!;
    onTestFinished(() => rmSync(dirname(copy), { recursive: true }));
    for (const name of ["shard-00000.arrow", "manifest.json"]) expect(existsSync(join(copy, "train", name))).toBe(true);
    const shard = (folder: string) => readFileSync(join(folder, "train/shard-00000.arrow"));
    expect(shard(copy)).toEqual(shard(path));
    const local = await runOn("images", path, ...more);
    expect(summary.parameters).toBe(local.summary.parameters);
    expect(summary.bpd).toBe(local.summary.bpd);
    const { mtimeMs } = statSync(join(copy, "train/shard-00000.arrow"));
    expect((await runOn("images", url, ...more)).summary.parameters).toBe(local.summary.parameters);
    expect(statSync(join(copy, "train/shard-00000.arrow")).mtimeMs).toBe(mtimeMs);
  });

  it("trains and uses the dequantizer of larger images", async () => {
    const path = await prepared("--format", "folder", "--from", pngFolder(8, 16), "--size", "36");
    const workdir = temporaryFolder();
    const words = ["images", ...smallest, "--workdir", workdir, "--set", `data.path=${path}`, "--preset", "quick"];
    const sizes = ["batchSize=4", "filters=4", "components=2", "blocks=1", "heads=1"];
    const small = sizes.flatMap((size) => ["--set", `dequantizer.${size}`]);
    const half = [...hardly, "--set", "data.testFraction=0.5", "--steps", "1"];
    expect((await run([...words, ...half])).exitCode).toBe(0);
    const { exitCode, summary, stderr } = await run([...words, ...half, ...small, "--mode", "train_deq"]);
    expect(stderr).not.toContain("error:");
    expect(exitCode).toBe(0);
    expect(Number.isFinite(summary.bound)).toBe(true);
  });

  it("checks the configuration against the size of the images", async () => {
    const path = await prepared("--format", "folder", "--from", pngFolder(4, 10));
    const half = ["--set", "data.testFraction=0.5"];
    const odd = await runOn("images", path, ...half, "--set", "model.chMult=1,1,1");
    expect(odd.exitCode).toBe(2);
    expect(odd.stderr).toMatch(/model\.chMult: 3 resolutions halve the image 2 times, and 10 is not divisible by 4/);
    const few = await runOn("images", path);
    expect(few.exitCode).toBe(2);
    expect(few.stderr).toMatch(/4 images are too few to hold every 20th out.*\n.*data\.testFraction/);
  });

  it("refuses what is not prepared, in words that can be copied", async () => {
    const photos = pngFolder(2, 8);
    const cases = [
      [undefined, /no images were given\n.*--format folder --size 32 --from PHOTOS --out data\/photos/],
      [join(photos, "none"), /there is no such folder/],
      ["grpc://127.0.0.1/photos", /data\.path 127\.0\.0\.1: expected HOST:PORT/],
      ["grpc://example.org:1", /data\.path example\.org:1 is on another machine, which needs a token/],
      [photos, /prepare --format folder --size 32 --from /],
    ] as const;
    for (const [path, message] of cases) {
      const { exitCode, stderr } = await runOn("images", path);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(message);
    }
    const unfinished = await prepared("--format", "folder", "--from", photos);
    rmSync(join(unfinished, "train/manifest.json"));
    expect((await runOn("images", unfinished)).stderr).toMatch(
      /its preparation did not finish\n.*prepare command again/,
    );
  });

  it("refuses shards that are damaged", async () => {
    const path = await prepared("--format", "folder", "--from", pngFolder(8, 8));
    truncateSync(join(path, "train/shard-00000.arrow"), 100);
    const { exitCode, stderr } = await runOn("images", path);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/shard-00000\.arrow is cut short: 100 of \d+ bytes/);
  });

  it("says what was left out when the data were prepared", async () => {
    const photos = pngFolder(8, 8);
    writeFileSync(join(photos, "9.png"), "no image");
    const path = await prepared("--format", "folder", "--from", photos, "--skip-bad");
    const { stderr } = await runOn("images", path, ...hardly, "--set", "data.testFraction=0.5", "--steps", "1");
    expect(stderr).toMatch(/note: 1 bad image of train left out when .*train was prepared; its manifest\.json names/);
  });
});

describe("the ImageNet 32x32 pipeline", { timeout: 600_000 }, () => {
  it("trains on the version that is said, and names it beside the published numbers", async () => {
    const words = ["--format", "imagenet32", "--version", "old", "--skip-bad"];
    const path = await prepared(...words, "--from", await imagenetFolder({ cut: true }));
    const { exitCode, summary, stderr } = await runOn("imagenet32", path, "--set", "data.version=old");
    expect(stderr).not.toContain("error:");
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/data: imagenet32-old, \d training and \d test images of \[32, 32, 3\]/);
    expect(stderr).toMatch(/note: 1 damaged file of train left out/);
    expect(summary).toMatchObject({ pipeline: "imagenet32", steps: 3 });
    const page = readFileSync(summary.report!, "utf8");
    expect(page).toContain("ScoreFlow, old ImageNet 32");
    expect(page).not.toContain("3.43");

    const other = await runOn("imagenet32", path, "--set", "data.version=new");
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toMatch(/it holds the old version, but data\.version is new\n.*data\.version=old/);
  });

  it("refuses to guess the version, and goes on in the same workdir once it is said", async () => {
    const workdir = temporaryFolder();
    const unsaid = await run(["imagenet32", ...smallest, "--workdir", workdir]);
    expect(unsaid.exitCode).toBe(2);
    expect(unsaid.stderr).toMatch(/specify which ImageNet 32x32 you mean; .*\n.*data\.version=old.*data\.version=new/);
    const said = await run(["imagenet32", ...smallest, "--workdir", workdir, "--set", "data.version=new"]);
    expect(said.exitCode).toBe(2);
    expect(said.stderr).toMatch(/ImageNet 32x32 \(new version\) cannot be fetched\n.*image-net\.org.*--version new/);
  });

  it("refuses another number of images, and other images", async () => {
    await expect(
      prepared("--format", "imagenet32", "--version", "old", "--from", await imagenetFolder()),
    ).rejects.toThrow(/9 images; the old version has 1281149/);
    const path = await prepared("--format", "folder", "--from", pngFolder(40, 32));
    const { exitCode, stderr } = await runOn("imagenet32", path, "--set", "data.version=old");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/it holds folder of \[32, 32, 3\], expected imagenet32/);
  });
});
