/** Configuration fields of a pipeline, through the command line. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { of } from "rxjs";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { definePipeline, type Pipeline, type RunEvent } from "../../src/run/pipeline.ts";
import { pipeline, temporaryFolder } from "./fixture.ts";

/** The pipeline before it had fields. */
const bare = definePipeline({
  summary: "says nothing",
  reaches: "Nothing.",
  run: () => of<RunEvent>({ type: "message", text: "no ring" }),
});

/** Says the radius it was given. */
const ring = definePipeline({
  summary: "says its radius",
  reaches: "Nothing.",
  fields: z.object({
    ring: z.object({
      radius: z.number().gt(0).max(4).default(1).describe("radius of the ring"),
      shown: z.int().min(1).default(3).describe("points that are shown").meta({ free: true }),
    }),
  }),
  defaults: { ring: { radius: 2 } },
  run: ({ config }) =>
    of<RunEvent>({ type: "message", text: `radius ${config.ring.radius}, shown ${config.ring.shown}` }),
});

const runOf = (own: Pipeline, ...argv: string[]) =>
  pipeline(["ring", ...argv], { registry: { names: async () => ["ring"], load: async () => own } });
const run = (...argv: string[]) => runOf(ring, ...argv);

describe("fields of a pipeline", () => {
  it("are listed by --help with their values", async () => {
    const { stdout } = await run("--help");
    expect(stdout).toMatch(/ring\.radius=2 +radius of the ring; a number in \(0, 4\]/);
    expect(stdout).toMatch(/ring\.shown=3 +points that are shown; a whole number from 1/);
  });

  it("are kept with the workdir, which is bound to them unless they are free; presets are not needed", async () => {
    const workdir = temporaryFolder();
    const first = await run("--workdir", workdir, "--set", "ring.radius=3", "--json");
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.stderr).toContain("radius 3, shown 3");
    expect(first.stderr).toContain("preset: none, this pipeline has no presets");
    expect(JSON.parse(first.stdout)).not.toHaveProperty("preset");
    const stored = JSON.parse(readFileSync(join(workdir, "config.json"), "utf8")) as object;
    expect(stored).toMatchObject({ pipeline: "ring", ring: { radius: 3, shown: 3 } });
    expect(stored).not.toHaveProperty("preset");

    const evaluated = await run("--workdir", workdir, "--mode", "eval", "--set", "ring.shown=5");
    expect(evaluated.stderr).toContain("radius 3, shown 5");
    const other = await run("--workdir", workdir, "--mode", "eval", "--set", "ring.radius=1");
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringContaining("ring.radius: 3 there, 1 asked for")]);
  });

  it("count as their defaults in a workdir from before they existed", async () => {
    const workdir = temporaryFolder();
    await runOf(bare, "--workdir", workdir);
    const other = await run("--workdir", workdir);
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringContaining("ring.radius: 1 there, 2 asked for")]);
    const same = await run("--workdir", workdir, "--set", "ring.radius=1");
    expect([same.exitCode, same.stderr]).toEqual([0, expect.stringContaining("radius 1, shown 3")]);
  });

  it.each([
    [["--set", "ring.radius=9"], "ring.radius: 9 is out of range"],
    [["--preset", "paper"], "--preset paper: ring has no such preset"],
  ])("%s is refused: %s", async (argv, message) => {
    const { exitCode, stderr } = await run(...argv, "--workdir", join(temporaryFolder(), "new"));
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
