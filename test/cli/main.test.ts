import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunContext } from "../../src/run/pipeline.ts";
import { counting, engineNamed, lastJson, pipeline, temporaryFolder } from "./fixture.ts";

/** The contexts that a pipeline was run with. */
function spy() {
  const contexts: RunContext[] = [];
  return { contexts, run: (context: RunContext) => (contexts.push(context), counting(context)) };
}

describe("the list and the help", () => {
  it("lists the pipelines, one line each", async () => {
    const { exitCode, stdout } = await pipeline([]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe("count     counts its steps\ngaussian  counts its steps\n");
  });

  it("explains a pipeline: options, fields with their values, examples", async () => {
    const { exitCode, stdout } = await pipeline(["count", "--help", "--preset", "paper"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Reaches its last step in no time.");
    expect(stdout).toMatch(/--set <key=value> +sets a configuration field/);
    expect(stdout).toMatch(/model\.nf=128 +channels at full resolution; a multiple of 4 from 4 to 4096/);
    expect(stdout).toMatch(/training\.batchSize=8 +images in one step/);
    expect(stdout).toMatch(/model\.attnResolutions=\[\] /);
    expect(stdout).toContain("npm run pipeline count -- --mode eval");
    expect(stdout).toMatch(/--metrics-listen <host:port> +serves the metrics by gRPC/);
    expect(stdout).toMatch(/--monitor <host:port> +serves a web page of the run/);
    expect(stdout).toMatch(/--join <host:port> +trains with the node that listens there/);
    expect(stdout).not.toMatch(/undefined/);
  });

  it("lists the pipelines in the help without a name", async () => {
    const { exitCode, stdout } = await pipeline(["-h"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("  gaussian  counts its steps\n");
  });
});

describe("a run", () => {
  it("writes config.json and metrics.jsonl, shows a table, and ends stdout with one JSON object", async () => {
    const workdir = join(temporaryFolder(), "new/run");
    const ran = await pipeline(["count", "--json", "--steps", "7", "--workdir", workdir]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout.split("\n")).toHaveLength(2);
    expect(lastJson(ran)).toMatchObject({
      pipeline: "count",
      mode: "train",
      preset: "quick",
      engine: "tensorflow",
      device: "CPU",
      steps: 7,
      loss: 0.5,
      bpd: 4.2134,
      checkpoint: join(workdir, "checkpoints/3"),
      workdir,
    });
    expect(Object.keys(lastJson(ran))).not.toContain("fid");
    expect(ran.stderr).toContain("preset: quick, the default without a GPU");
    expect(ran.stderr).toMatch(/bits\/dim +4\.213 ± 0\.021/);
    expect(ran.stderr).toContain(join(workdir, "config.json"));

    const config = JSON.parse(readFileSync(join(workdir, "config.json"), "utf8")) as Record<string, unknown>;
    expect(config).toMatchObject({
      pipeline: "count",
      preset: "quick",
      seed: 42,
      training: { steps: 7, batchSize: 8 },
    });
    const metrics = readFileSync(join(workdir, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    expect(metrics.map((line) => JSON.parse(line) as object).filter((line) => !("state" in line))).toEqual([
      { name: "train/loss", step: 7, value: 0.5, unit: "1", time: expect.any(String) as string },
    ]);
    expect(existsSync(join(workdir, ".lock"))).toBe(false);
  });

  it("writes nothing to stdout without --json", async () => {
    const { stdout } = await pipeline(["count", "--workdir", temporaryFolder()]);
    expect(stdout).toBe("");
  });

  it("tells how long it took, in seconds to one decimal", async () => {
    let time = 5000;
    const run = (context: RunContext) => ((time += 12_340), counting(context));
    const ran = await pipeline(["count", "--json", "--workdir", temporaryFolder()], { run, now: () => time });
    expect(lastJson(ran)).toMatchObject({ seconds: 12.3 });
    expect(ran.stderr).toContain("done after 12 s");
  });

  it("takes --steps and --seed over the preset, and --set over both", async () => {
    const { contexts, run } = spy();
    const options = ["--preset", "paper", "--steps", "9", "--seed", "1", "--set", "seed=2", "--workdir"];
    await pipeline(["count", ...options, temporaryFolder()], { run });
    expect(contexts[0]).toMatchObject({ name: "count", mode: "train", preset: "paper" });
    expect(contexts[0]?.config).toMatchObject({ seed: 2, training: { steps: 9, batchSize: 8 }, model: { nf: 128 } });
  });

  it("chooses paper on a GPU and says so; a workdir keeps its preset", async () => {
    const loadEngine = async () => engineNamed("tensorflow-gpu");
    const workdir = temporaryFolder();
    const first = await pipeline(["count", "--json", "--workdir", workdir], { loadEngine });
    expect(lastJson(first)).toMatchObject({ preset: "paper", steps: 5 });
    expect(first.stderr).toContain("preset: paper, the default on a GPU");
    const second = await pipeline(["count", "--json", "--workdir", workdir]);
    expect(lastJson(second)).toMatchObject({ preset: "paper", engine: "tensorflow" });
  });

  it("hands the engine its thread count, and the pipeline the cache folder", async () => {
    const { contexts, run } = spy();
    const asked: unknown[] = [];
    await pipeline(["count", "--set", "engine.threads=3", "--workdir", temporaryFolder()], {
      run,
      env: { SCORESTREAM_CACHE: "/somewhere/cache" },
      loadEngine: async (options) => (asked.push(options), engineNamed("wasm")),
    });
    expect(asked).toEqual([{ threads: 3, deterministic: true }]);
    expect(contexts[0]).toMatchObject({ cacheDir: "/somewhere/cache", engine: { name: "wasm" } });
    expect(contexts[0]!.config.engine).toMatchObject({ threads: 3, deterministic: true });
  });
});

describe("bad usage exits with 2, names it and tells the remedy", () => {
  it.each([
    [["cout"], 'no pipeline "cout"; nearest: count'],
    [["count", "--set", "training.batchsize=4"], "nearest: training.batchSize"],
    [["count", "--set", "training.batchSize=0"], "training.batchSize: 0 is out of range"],
    [["count", "--steps", "0"], "training.steps: 0 is out of range"],
    [["count", "--steps", "many"], 'training.steps: "many" is not allowed'],
    [["count", "--seed", "-1"], "seed: -1 is out of range"],
    [["count", "--mode", "trian"], "--mode trian: there is no such mode"],
    [["count", "--preset", "big"], "Allowed choices are tiny, quick, paper, paper_deep, modern, released"],
    [["count", "--stesp", "4"], "unknown option '--stesp'"],
    [["count", "other"], "too many arguments"],
    [["count", "--workdir", ""], "--workdir: no folder given"],
    [["--steps", "4"], "no pipeline named"],
    [
      ["count", "--metrics-listen", "0.0.0.0:0"],
      "can be reached from other machines and needs a certificate and a token",
    ],
    [["count", "--monitor", "0.0.0.0:0"], "can be reached from other machines and needs a certificate and a token"],
  ])("%j: %s", async (argv, message) => {
    const workdir = join(temporaryFolder(), "run");
    const given = argv.includes("--workdir") || argv[0] === "--steps" ? argv : [...argv, "--workdir", workdir];
    const ran = await pipeline([...given, "--json"]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(`error: `);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain("remedy: ");
    expect(ran.stderr).not.toMatch(/\n +at /);
    expect(lastJson(ran)["error"]).toEqual(expect.any(String));
    expect(existsSync(workdir)).toBe(false);
  });

  it("a workdir that cannot be written", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    for (const workdir of [file, join(file, "run")]) {
      const { exitCode, stderr } = await pipeline(["count", "--workdir", workdir]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`workdir ${workdir} cannot be written`);
      expect(stderr).toContain("remedy: use a --workdir");
    }
  });

  it("options that npm kept for itself", async () => {
    const env = { npm_lifecycle_event: "pipeline", npm_config_steps: "true" };
    const { exitCode, stderr } = await pipeline(["count", "5"], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('put "--" before the options');
  });
});

describe("a workdir with a configuration", () => {
  it("is gone on with under the same settings, and others that leave the result as it is", async () => {
    const workdir = temporaryFolder();
    expect((await pipeline(["count", "--workdir", workdir])).exitCode).toBe(0);
    const free = ["training.logEvery=1", "engine.compile=false", "eval.numImages=4", "sampling.numSamples=1"];
    const sets = [...free, "data.path=/d", "checkpoint=/c"].flatMap((set) => ["--set", set]);
    const { exitCode } = await pipeline(["count", "--steps", "30", ...sets, "--workdir", workdir]);
    expect(exitCode).toBe(0);
    expect(readFileSync(join(workdir, "config.json"), "utf8")).toContain('"steps": 30');
  });

  it("is refused under other settings, which are listed", async () => {
    const workdir = temporaryFolder();
    await pipeline(["count", "--workdir", workdir]);
    const before = readFileSync(join(workdir, "config.json"), "utf8");
    const { exitCode, stderr } = await pipeline([
      "count",
      "--seed",
      "1",
      "--set",
      "model.chMult=1",
      "--workdir",
      workdir,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("seed: 42 there, 1 asked for\n");
    expect(stderr).toContain("model.chMult: [1,2] there, [1] asked for\n");
    expect(stderr).toContain("remedy: use another --workdir, or the same settings");
    expect(readFileSync(join(workdir, "config.json"), "utf8")).toBe(before);
    expect((await pipeline(["gaussian", "--workdir", workdir])).stderr).toContain('pipeline: "count" there');
  });

  it("is evaluated by what it was trained with", async () => {
    const { contexts, run } = spy();
    const workdir = temporaryFolder();
    const trained = ["--preset", "paper", "--set", "model.numResBlocks=2", "--seed", "7"];
    await pipeline(["count", ...trained, "--workdir", workdir]);
    const before = readFileSync(join(workdir, "config.json"), "utf8");
    const more = ["--mode", "eval", "--set", "eval.numImages=9", "--workdir", workdir];
    const { exitCode, stderr } = await pipeline(["count", ...more], { run });
    expect(exitCode).toBe(0);
    expect(stderr).toContain("preset: paper, as stored in this workdir");
    expect(contexts[0]).toMatchObject({ mode: "eval", preset: "paper" });
    expect(contexts[0]?.config).toMatchObject({ seed: 7, model: { nf: 128, numResBlocks: 2 }, eval: { numImages: 9 } });
    expect(readFileSync(join(workdir, "config.json"), "utf8")).toBe(before);
    const below = await pipeline(["count", ...more, "--preset", "quick", "--set", "data.randomFlip=false"], { run });
    expect(below.stderr).toContain(
      "preset: quick; the settings that this workdir was trained with (paper) take precedence",
    );
    expect(below.stderr).toContain("note: changed: data.randomFlip: true in the training, false here");
    expect(contexts[1]?.config).toMatchObject({ seed: 7, model: { nf: 128, numResBlocks: 2 } });
    const other = await pipeline(["count", "--mode", "sample", "--set", "model.nf=64", "--workdir", workdir]);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toContain("model.nf: 128 there, 64 asked for");
  });

  it("is refused when config.json is damaged", async () => {
    const workdir = temporaryFolder();
    for (const text of ["{", "[]", "{}"]) {
      writeFileSync(join(workdir, "config.json"), text);
      const { exitCode, stderr } = await pipeline(["count", "--workdir", workdir]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`${join(workdir, "config.json")} is damaged`);
    }
  });

  it("is refused while another host's lock is in it", async () => {
    const workdir = temporaryFolder();
    writeFileSync(join(workdir, ".lock"), JSON.stringify({ pid: 1, host: "another.example" }));
    const { exitCode, stderr } = await pipeline(["count", "--workdir", workdir]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("in use by process 1 on another.example");
  });
});
