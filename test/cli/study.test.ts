import { EventEmitter } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import type { Environment } from "../../src/cli/environment.ts";
import { processEnvironment } from "../../src/cli/environment.ts";
import { pipelineMain } from "../../src/cli/main.ts";
import { parseOptions } from "../../src/cli/options.ts";
import { runStudy } from "../../src/cli/study.ts";
import { defineStudy, type Study } from "../../src/run/study/study.ts";
import { study, preset } from "../run/study/fixture.ts";
import { counting, pipelineOf, temporaryFolder } from "./fixture.ts";

/** Ends with bits that its settings and its seed make; may fail; a long one waits for SIGTERM the first time. */
const PROGRAM = `
const { appendFileSync, existsSync, writeFileSync } = require("node:fs");
const argv = process.argv.slice(1);
const has = (text) => argv.includes(text);
const seed = Number(argv.find((text) => text.startsWith("seed=")).slice(5));
const workdir = argv[argv.indexOf("--workdir") + 1];
appendFileSync(workdir + "/../log", workdir.split("/").at(-1) + " " + argv[2] + "\\n");
const end = (code, summary) => (console.log(JSON.stringify(summary)), process.exit(code));
const bpd = 4 + seed - (has("training.likelihoodWeighting=true") ? 0.5 + seed / 100 : 0) - (has("eval.dequantizer=true") ? 0.25 : 0);
if (has("optim.lr=0.5") && has("sde=subvp") && has("train_deq")) end(1, { error: "no room" });
else if (has("optim.lr=0.25") && seed === 2 && !existsSync(workdir + "/../killed")) {
  writeFileSync(workdir + "/../killed", "");
  process.on("SIGTERM", () => end(143, { stoppedBy: "SIGTERM" }));
  console.error("waits");
  setTimeout(() => {}, 20000);
} else end(0, { bpd, bound: bpd + 1, steps: 10 });
`;
const program = [process.execPath, "-e", PROGRAM, "--"];

/** The study without the claim that needs a model. */
const small: Study = {
  ...study,
  claims: study.claims.filter((claim) => !("lossVariance" in claim)),
  presets: { tiny: { ...preset, grid: { ...preset.grid, seed: ["1", "2"] }, looks: 1 } },
};

function environment(said: string[] = [], signals = new EventEmitter()): Environment {
  const pipelines = { small: defineStudy({ summary: "", reaches: "", study: small }), count: pipelineOf(counting) };
  return {
    ...processEnvironment(),
    registry: { names: async () => Object.keys(pipelines), load: async (name) => pipelines[name as "small"] },
    stderr: { write: (text: string | Uint8Array) => said.push(String(text)) > 0 },
    signals: signals as unknown as NodeJS.Process,
  };
}

const options = (folder: string, ...argv: string[]) => ({
  ...parseOptions(["small", "--preset", "tiny", "--workdir", folder, "--jobs", "3", ...argv]),
  name: "small",
});

const text = (folder: string, name: string) => readFileSync(join(folder, name), "utf8");

describe("a study", { timeout: 30_000 }, () => {
  it("runs its grid and writes table, page, Arrow file and figures", async () => {
    const folder = temporaryFolder();
    const said: string[] = [];
    const { exitCode, page, json } = await runStudy(small, options(folder, "--sweep", "deq=uniform"), environment(said), program); // prettier-ignore
    expect(exitCode).toBe(0);
    expect(page).toBe(join(folder, "small.html"));
    expect(said.join("")).toContain("confirmed: LW improves\nundecided: subVP beats VP");
    expect(json).toMatchObject({ preset: "tiny", claims: [{ claim: "LW improves", verdict: "confirmed", runs: 2 }, { verdict: "undecided" }] }); // prettier-ignore
    expect(text(folder, "small.md")).toContain("| VP | original | uniform | 2 | 5.50 ± 0.50 | 6.50 ± 0.50 | 3.16 |");
    const rows = tableFromIPC(readFileSync(join(folder, "small.arrow")));
    expect(rows.numRows).toBe(2 * 2 * 2);
    expect(rows.get(1)!.toJSON()).toMatchObject({ sde: "vp", method: "original", deq: "uniform", seed: 2, bpd: 6 });
    expect(readFileSync(join(folder, "figures/bits.png")).subarray(1, 4).toString()).toBe("PNG");
    expect(text(folder, "figures/claims.svg")).toMatch(/^<svg/);
  });

  it("leaves the others running when a cell fails, and shows it with its error", async () => {
    const folder = temporaryFolder();
    const { exitCode, results } = await runStudy(small, options(folder, "--set", "optim.lr=0.5", "--sweep", "method=original"), environment(), program); // prettier-ignore
    expect([exitCode, results.length]).toEqual([1, 4]);
    expect(text(folder, "small.md")).toContain("- sde=subvp,method=original,seed=1: no room");
    // Its training is there all the same.
    expect(text(folder, "small.md")).toContain("| subVP | original | uniform | 2 | 5.50 ± 0.50 |");
    expect(text(folder, "small.md")).toContain("| subVP | original | variational | 0 of 2 | – |");
    expect(text(folder, "small.html")).toContain("<li>sde=subvp,method=original,seed=1: no room</li>");
  });

  it("goes on after a signal where it was, to the numbers of one that was not disturbed", async () => {
    const [folder, undisturbed] = [temporaryFolder(), temporaryFolder()];
    const signals = new EventEmitter();
    const said: string[] = [];
    const argv = ["--sweep", "sde=vp", "--sweep", "deq=uniform"];
    const disturbed = [...argv, "--set", "optim.lr=0.25", "--jobs", "1"];
    const own = environment(said, signals);
    const watched = { ...own, stderr: { write: (words: string) => (words.includes("waits") && signals.emit("SIGTERM"), own.stderr.write(words)) } } as Environment; // prettier-ignore
    const stopped = await runStudy(small, options(folder, ...disturbed), watched, program);
    expect(stopped.exitCode).toBe(143);
    const before = text(folder, "log").trim().split("\n");
    const { exitCode } = await runStudy(small, options(folder, ...disturbed), environment(), program);
    expect(exitCode).toBe(0);
    // What had ended well did not run again.
    expect(text(folder, "log").trim().split("\n").slice(before.length)).toEqual([
      "sde=vp,method=original,seed=2 train",
      "sde=vp,method=likelihood,seed=2 train",
    ]);
    await runStudy(small, options(undisturbed, ...argv), environment(), program);
    expect(text(folder, "small.md")).toBe(text(undisturbed, "small.md"));
  });

  it("refuses to train for fewer steps than a cell has, unless its training is only read", async () => {
    const folder = temporaryFolder();
    const part = ["--sweep", "sde=vp", "--sweep", "method=original", "--sweep", "seed=1"];
    const run = (...argv: string[]) => runStudy(small, options(folder, ...part, ...argv), environment(), program);
    await run();
    const checkpoints = join(folder, "sde=vp,method=original,seed=1", "checkpoints");
    mkdirSync(checkpoints);
    writeFileSync(join(checkpoints, "checkpoint_10.arrow"), "");
    await expect(run("--set", "training.steps=6")).rejects.toThrow("has been trained for 10 steps, and its next training would end at 6"); // prettier-ignore
    expect((await run()).exitCode).toBe(0);
    expect((await run("--set", "training.steps=12")).exitCode).toBe(0);
    expect(text(folder, "log").trim().split("\n")).toHaveLength(6);
  });

  it("keeps finished cells when the grid changes", async () => {
    const folder = temporaryFolder();
    const part = ["--sweep", "sde=vp", "--sweep", "method=original", "--sweep", "deq=uniform"];
    await runStudy(small, options(folder, ...part, "--sweep", "seed=1"), environment(), program);
    expect(text(folder, "log").trim().split("\n")).toHaveLength(1);
    // A further seed, and a further evaluation of the trainings.
    await runStudy(small, options(folder, ...part.slice(0, 4), "--sweep", "seed=1..2"), environment(), program);
    const lines = text(folder, "log").trim().split("\n");
    const of = (seed: number) => lines.filter((line) => line.includes(`seed=${seed} `)).map((line) => line.split(" ")[1]); // prettier-ignore
    expect([of(1), of(2)]).toEqual([
      ["train", "train_deq", "eval"],
      ["train", "train_deq", "eval"],
    ]);
  });

  it.each([
    [["--sweep", "sdee=vp"], /no such axis; nearest: sde/],
    [["--sweep", "sde=ve"], /there is no such value/],
    [["--set", "training.stepz=4"], /nearest: training\.steps/],
    [["--set", "optim.lr=-1"], /optim\.lr/],
    [["--seed", "3"], /the seed is an axis/],
    [["--mode", "eval"], /has no modes/],
    [["--monitor", "127.0.0.1:0"], /cannot share an address/],
    [["--preset", "paper"], /small has no such preset/],
  ])("refuses %s before anything runs", async (argv, message) => {
    const folder = join(temporaryFolder(), "none");
    await expect(runStudy(small, options(folder, ...argv), environment(), ["/no/such"])).rejects.toThrow(message);
    expect(existsSync(folder)).toBe(false);
  });

  it("ends with 2 for an empty range", async () => {
    const said: string[] = [];
    expect(await pipelineMain(["small", "--preset", "tiny", "--sweep", "seed=3..1"], environment(said))).toBe(2);
    expect(said.join("")).toMatch(/the range 3\.\.1 is empty/);
  });
});
