/** What a run leaves of how far it came: in its record and in its log. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { concat, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { NonFiniteLossError, UsageError } from "../../src/base/errors.ts";
import { isState } from "../../src/metrics/metric.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import type { RunContext } from "../../src/run/pipeline.ts";
import { counting, pipeline, temporaryFolder } from "./fixture.ts";

const statesIn = (workdir: string) => {
  const log = new MetricLog(join(workdir, "metrics.jsonl"), { runId: "run", node: "node" });
  return [...log.advance()].filter(isState).map(({ state }) => state);
};
const logOf = (workdir: string) => readFileSync(join(workdir, "log.txt"), "utf8");

const failing = (context: RunContext) =>
  concat(
    counting(context),
    throwError(() => new NonFiniteLossError(4, NaN)),
  );

describe("how far a run came", () => {
  it("is in its record from the start to the end", async () => {
    const workdir = temporaryFolder();
    expect((await pipeline(["count", "--workdir", workdir])).exitCode).toBe(0);
    const states = statesIn(workdir);
    expect(states.map(({ phase }) => phase)).toEqual(["starting", "starting", "finished"]);
    expect(states.at(-1)).toMatchObject({ pipeline: "count", runSecondsLeft: 0, step: 3, images: 24 });
    expect(logOf(workdir)).toMatch(/Z count \(train, quick\): done after .*\n.*\n {4}loss/);
  });

  it("counts from the start of the program", async () => {
    const workdir = temporaryFolder();
    // Its clock is an hour behind that of the record.
    const now = () => Date.now() - 3600_000;
    expect((await pipeline(["count", "--workdir", workdir], { now })).exitCode).toBe(0);
    expect(statesIn(workdir).at(-1)!.runSeconds).toBeGreaterThanOrEqual(3600);
  });

  it("ends with why it failed and what to do, in the record and in the log", async () => {
    const workdir = temporaryFolder();
    const { stderr } = await pipeline(["count", "--workdir", workdir], { run: failing });
    expect(statesIn(workdir).at(-1)).toMatchObject({
      phase: "failed",
      error: "step 4: the loss is NaN; the state before this step was saved",
      remedy: expect.stringContaining("optim.lr") as string,
    });
    expect(logOf(workdir)).toMatch(/Z count \(train, quick\): failed after/);
    expect(logOf(workdir)).toContain("error: step 4: the loss is NaN");
    expect(logOf(workdir)).toContain("    remedy: ");
    expect(stderr).toMatch(/\n\ncount \(train, quick\): failed after [^]*\nerror: step 4/);
  });

  it("says that a signal stopped it", async () => {
    const workdir = temporaryFolder();
    const { EventEmitter } = await import("node:events");
    const signals = new EventEmitter();
    const run = (context: RunContext) => (signals.emit("SIGTERM"), counting(context));
    expect((await pipeline(["count", "--workdir", workdir], { run, signals })).exitCode).toBe(143);
    expect(statesIn(workdir).at(-1)).toMatchObject({ phase: "stopped" });
  });

  it("is not in the log of a run that goes on when another is refused", async () => {
    const workdir = temporaryFolder();
    await pipeline(["count", "--workdir", workdir]);
    const before = logOf(workdir);
    const bad = ["count", "--workdir", workdir, "--set", "training.batchSize=nine"];
    expect((await pipeline(bad)).exitCode).toBe(2);
    expect(logOf(workdir)).toBe(before);
    const run = () => throwError(() => new UsageError("no data", "get some"));
    expect((await pipeline(["count", "--workdir", workdir], { run })).exitCode).toBe(2);
    expect(logOf(workdir)).toMatch(/Z error: no data\n {4}remedy: get some\n$/);
  });
});
