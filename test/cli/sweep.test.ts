import { EventEmitter } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EMPTY } from "rxjs";
import { describe, expect, it } from "vitest";
import { pipelineMain } from "../../src/cli/main.ts";
import { parseOptions } from "../../src/cli/options.ts";
import { sweep } from "../../src/cli/sweep.ts";
import type { Environment } from "../../src/cli/environment.ts";
import { processEnvironment } from "../../src/cli/environment.ts";
import { lockWorkdir } from "../../src/run/lock.ts";
import { definePipeline } from "../../src/run/pipeline.ts";
import { temporaryFolder } from "./fixture.ts";

/** Prints its command line as the summary. */
const ECHO = [
  process.execPath,
  "-e",
  'const argv = process.argv.slice(1); console.log(JSON.stringify({ bpd: argv.includes("seed=1") ? 3 : 4, samples: argv.join(" ") }))',
  "--",
];

function environment(said: string[] = []): Environment {
  const pipeline = definePipeline({ summary: "", reaches: "", run: () => EMPTY });
  return {
    ...processEnvironment(),
    registry: { names: async () => ["tiny"], load: async () => pipeline },
    stderr: { write: (text: string | Uint8Array) => said.push(String(text)) > 0 },
    signals: new EventEmitter() as unknown as NodeJS.Process,
  };
}

const options = (folder: string, ...argv: string[]) => ({
  ...parseOptions(["tiny", "--workdir", folder, ...argv]),
  name: "tiny",
});

describe("--sweep", { timeout: 20_000 }, () => {
  it("runs the pipeline with the settings of each cell, in a workdir of its own", async () => {
    const folder = temporaryFolder();
    const said: string[] = [];
    const given = options(folder, "--steps", "5", "--mode", "eval", "--preset", "paper", "--sweep", "seed=1..2");
    const withPresets = { ...environment(said), registry: { names: async () => ["tiny"], load: async () => definePipeline({ summary: "", reaches: "", presets: { paper: {} }, run: () => EMPTY }) } }; // prettier-ignore
    const { exitCode, results, page } = await sweep(given, withPresets, ECHO);
    expect(exitCode).toBe(0);
    const workdir = join(folder, "seed=1");
    expect(results[0]!.runs[0]!.samples).toBe(
      `tiny --mode eval --preset paper --set training.steps=5 --set seed=1 --workdir ${workdir} --json`,
    );
    expect(said.join("")).toContain("[seed=2] done, 4.0000 bits/dim (2 of 2)");
    expect(readFileSync(join(folder, "sweep.md"), "utf8")).toContain("| 2 | 3.50 ± 0.50 |");
    expect(page).toBe(join(folder, "sweep.html"));
  });

  it("names no preset to the cells where none was given", async () => {
    const folder = temporaryFolder();
    const { results } = await sweep(options(folder, "--sweep", "seed=1"), environment(), ECHO);
    const workdir = join(folder, "seed=1");
    expect(results[0]!.runs[0]!.samples).toBe(`tiny --mode train --set seed=1 --workdir ${workdir} --json`);
  });

  it("refuses to train for fewer steps than a workdir has, whose results would stand for those", async () => {
    const folder = temporaryFolder();
    const trained = (...argv: string[]) => sweep(options(folder, "--sweep", "seed=1..2", ...argv), environment(), ECHO);
    const checkpoints = join(folder, "seed=2", "checkpoints");
    mkdirSync(checkpoints, { recursive: true });
    writeFileSync(join(checkpoints, "checkpoint_800.arrow"), "");
    await expect(trained("--steps", "600")).rejects.toThrow(
      `training.steps: ${join(folder, "seed=2")} has been trained for 800 steps, and its next training would end at 600`,
    );
    expect(existsSync(join(folder, "seed=1"))).toBe(false);
    // An evaluation trains nothing; a run that is read does neither, and without steps or preset the machine decides.
    expect((await trained("--steps", "600", "--mode", "eval")).exitCode).toBe(0);
    expect((await trained("--steps", "800")).exitCode).toBe(0);
    writeFileSync(join(checkpoints, "checkpoint_900.arrow"), "");
    expect((await trained("--steps", "800")).exitCode).toBe(0);
    expect((await trained("--set", "optim.lr=1e-3")).exitCode).toBe(0);
  });

  it("leaves the grid of a folder to one command at a time", async () => {
    const folder = temporaryFolder();
    const [unlock, said] = [lockWorkdir(folder), [] as string[]];
    const given = options(folder, "--sweep", "seed=1..2");
    await expect(sweep(given, environment(), ECHO)).rejects.toThrow(
      `folder ${folder} is in use by process ${process.pid}`,
    );
    expect(readdirSync(folder)).toEqual([".lock"]);
    unlock();
    expect((await sweep(given, environment(said), ECHO)).exitCode).toBe(0);
    expect(said.join("")).not.toContain("note:");
    expect(existsSync(join(folder, ".lock"))).toBe(false);
  });

  it("refuses what a run would, before anything has run", async () => {
    const folder = join(temporaryFolder(), "none");
    const refused = (...argv: string[]) => sweep(options(folder, ...argv), environment(), ["/no/such/program"]);
    await expect(refused("--sweep", "training.stepz=1,2")).rejects.toThrow(/nearest: training\.steps/);
    await expect(refused("--sweep", "optim.lr=1e-3,-1")).rejects.toThrow(/optim\.lr/);
    await expect(refused("--sweep", "seed=1,2", "--seed", "3")).rejects.toThrow(/seed is swept over and set to 3/);
    expect(existsSync(folder)).toBe(false);
  });

  it.each([
    [["--sweep", "seed=1,2", "--jobs", "0"], /not a whole number/],
    [["--sweep", "seed=1,2", "--listen", "127.0.0.1:0"], /--sweep: its runs train alone/],
    [["--sweep", "seed=1,2", "--monitor", "127.0.0.1:0"], /cannot share an address/],
  ])("refuses %s", (argv, message) => {
    expect(() => options("x", ...argv)).toThrow(message);
  });

  it("ends with 2 where several jobs have one run", async () => {
    const said: string[] = [];
    expect(await pipelineMain(["tiny", "--jobs", "2"], environment(said))).toBe(2);
    expect(said.join("")).toMatch(/--jobs needs --sweep or a study/);
  });

  it("ends with 2 and names the field where a setting is not allowed", async () => {
    const said: string[] = [];
    const out: string[] = [];
    const code = await pipelineMain(["tiny", "--sweep", "sde=vp,nosuch", "--json"], {
      ...environment(said),
      stdout: { write: (text: string | Uint8Array) => out.push(String(text)) > 0 },
    });
    expect(code).toBe(2);
    expect(said.join("")).toMatch(/sde: "nosuch" is not allowed/);
    expect(JSON.parse(out.join(""))).toHaveProperty("error");
  });
});
