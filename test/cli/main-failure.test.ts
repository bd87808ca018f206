import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { concat, of, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { NonFiniteLossError, RunError, UsageError } from "../../src/base/errors.ts";
import type { RunContext } from "../../src/run/pipeline.ts";
import { counting, lastJson, pipeline, temporaryFolder } from "./fixture.ts";

describe("a failure while running exits with 1", () => {
  it("says what the pipeline says, and where the saved state is", async () => {
    const workdir = temporaryFolder();
    const run = (context: RunContext) =>
      concat(
        counting(context),
        throwError(() => new NonFiniteLossError(4, NaN)),
      );
    const ran = await pipeline(["count", "--json", "--workdir", workdir], { run });
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain("error: step 4: the loss is NaN; the state before this step was saved\n  remedy: ");
    expect(ran.stderr).toContain(join(workdir, "checkpoints/3"));
    expect(lastJson(ran)).toMatchObject({
      steps: 3,
      error: "step 4: the loss is NaN; the state before this step was saved",
    });
    expect(existsSync(join(workdir, ".lock"))).toBe(false);
    const log = readFileSync(join(workdir, "log.txt"), "utf8");
    expect(log).toContain("count (train, quick): failed after ");
    expect(log).toContain("error: step 4: the loss is NaN; the state before this step was saved\n    remedy: ");
  });

  it("leaves no folder behind where the pipeline refuses its settings, and keeps one that failed otherwise", async () => {
    const folder = temporaryFolder();
    const refused = () => throwError(() => new UsageError("data.path: there is no such folder", "use another"));
    const failed = () => throwError(() => new RunError("the loss is lost"));
    for (const [name, run, code] of [
      ["a", refused, 2],
      ["b", failed, 1],
    ] as const) {
      expect((await pipeline(["count", "--workdir", join(folder, name)], { run })).exitCode).toBe(code);
    }
    expect(readdirSync(folder)).toEqual(["b"]);
  });

  it("shows a trace only when asked", async () => {
    const run = () => {
      throw new TypeError("boom");
    };
    const quiet = await pipeline(["count", "--workdir", temporaryFolder()], { run });
    expect(quiet).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("error: TypeError: boom\n") as string });
    expect(quiet.stderr).not.toMatch(/\n +at /);
    const env = { SCORESTREAM_DEBUG: "1" };
    expect((await pipeline(["count", "--workdir", temporaryFolder()], { run, env })).stderr).toMatch(/\n +at /);
  });

  it.runIf(existsSync("/dev/full"))("names the file when the disk is full, really full", async () => {
    const workdir = temporaryFolder();
    mkdirSync(workdir, { recursive: true });
    symlinkSync("/dev/full", join(workdir, "metrics.jsonl"));
    const { exitCode, stderr } = await pipeline(["count", "--workdir", workdir]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`no space left on the disk while writing ${join(workdir, "metrics.jsonl")}\n`);
    expect(stderr).toContain("remedy: free some space and run the same command again");
  });

  it("keeps exit code 1 for a full disk inside another error", async () => {
    const cause = Object.assign(new Error("write"), { code: "ENOSPC", path: "/w/checkpoints/7" });
    const run = () => throwError(() => new Error("checkpoint", { cause }));
    const { exitCode, stderr } = await pipeline(["count", "--workdir", temporaryFolder()], { run });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("no space left on the disk while writing /w/checkpoints/7");
  });

  it("is no failure when a wait was cut short by a signal", async () => {
    const { EventEmitter } = await import("node:events");
    const signals = new EventEmitter();
    const run = () => {
      signals.emit("SIGTERM");
      return concat(of({ type: "message", text: "downloading" } as const), throwError(() => new DOMException("", "AbortError"))); // prettier-ignore
    };
    const ran = await pipeline(["count", "--json", "--workdir", temporaryFolder()], { run, signals });
    expect(ran.exitCode).toBe(143);
    expect(lastJson(ran)).toMatchObject({ stoppedBy: "SIGTERM" });
  });
});
